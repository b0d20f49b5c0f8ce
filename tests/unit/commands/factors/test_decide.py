"""Authentication methods: what may be enrolled, removed and changed, and how a method is shown."""

from typing import Any

import pytest

from services.commands.decision import Acceptance, Decision, Draft
from services.commands.factors import decide
from services.commands.factors.decide import NewFactor
from services.management.factors import present
from services.management.factors.models import CreateFactor, SetFactor, UpdateFactor
from services.management.factors.routes import changes_of

TOTP = {"type": "totp", "totp_secret": "JBSWY3DP"}
PHONE = {"type": "phone", "phone_number": "+14155550123"}
CREATED = "2026-01-01T00:00:00.000Z"
DEVICE = "dev_0123456789abcdef"


def factor(kind: str, device: str = DEVICE, **details: Any) -> dict[str, Any]:
    made = {
        "id": f"{kind}|{device}",
        "type": kind,
        "confirmed": True,
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    return {**made, **details}


def associations(*factors: dict[str, Any]) -> dict[str, Any]:
    return {"factors": list(factors)}


def new(body: CreateFactor | SetFactor, device: str = DEVICE) -> NewFactor:
    return NewFactor(body.type, body.model_dump(mode="json", exclude_none=True, exclude={"type"}), device)


def drafts_of(decision: Decision) -> tuple[Draft, ...]:
    assert isinstance(decision, Acceptance), decision
    return decision.drafts


def enrolled(body: dict[str, Any], *factors: dict[str, Any]) -> Any:
    decision = decide.enrol(associations(*factors), new(CreateFactor.model_validate(body)))
    return decision.drafts[0] if isinstance(decision, Acceptance) else decision


def test_a_secret_is_kept_apart() -> None:
    """What proves a factor is no detail, and what is shown of it is no secret."""
    data = enrolled({**TOTP, "name": "App"}).data
    assert (data.details, data.secrets) == ({"name": "App"}, {"totp_secret": "JBSWY3DP"})
    assert (data.factor_id, data.factor_type) == (f"totp|{DEVICE}", "totp")


def test_a_phone_gets_texts_unless_it_prefers_calls() -> None:
    """Only phones have a preferred way."""
    assert enrolled(PHONE).data.details["preferred_authentication_method"] == "sms"
    voice = {"preferred_authentication_method": "voice"}
    assert enrolled({**PHONE, **voice}).data.details["preferred_authentication_method"] == "voice"
    assert "preferred_authentication_method" not in enrolled(TOTP).data.details
    assert enrolled({**TOTP, **voice}) is decide.NO_PHONE


def test_no_two_methods_are_alike() -> None:
    """A duplicate number or a second TOTP method is refused."""
    assert enrolled(PHONE, factor("phone", phone_number=PHONE["phone_number"])) is decide.EXISTS
    assert enrolled(TOTP, factor("totp")) is decide.EXISTS
    assert isinstance(enrolled(PHONE, factor("phone", phone_number="+1")), Draft)


def test_ten_of_a_type_are_the_most() -> None:
    """Methods of other types do not count."""
    phones = [factor("phone", phone_number=f"+1{number}") for number in range(10)]
    assert enrolled(PHONE, *phones) is decide.TOO_MANY
    assert isinstance(enrolled(PHONE, *phones[:9], factor("totp"), factor("push")), Draft)


def test_transports_are_a_list_as_in_json() -> None:
    """And absent where none were given."""
    passkey = {"type": "passkey", "key_id": "k", "public_key": "p"}
    assert enrolled({**passkey, "transports": ["usb"]}).data.details["transports"] == ["usb"]
    assert "transports" not in enrolled(passkey).data.details


def test_all_methods_are_replaced() -> None:
    """The old ones go in one event, then each new one is enrolled; two alike are refused, and so is the loss
    of a passkey."""
    bodies = [SetFactor.model_validate(PHONE), SetFactor.model_validate(TOTP)]
    devices = ["dev_aaaaaaaaaaaaaaaa", "dev_bbbbbbbbbbbbbbbb"]
    known = factor("phone", phone_number=PHONE["phone_number"])
    factors = [new(body, device) for body, device in zip(bodies, devices, strict=True)]
    drafts = drafts_of(decide.replace(associations(known), factors))
    assert [draft.event.__name__ for draft in drafts] == ["MfaRemoved", "MfaEnrolled", "MfaEnrolled"]
    assert decide.replace(associations(), [factors[0], new(bodies[0], devices[1])]) is decide.EXISTS
    assert decide.replace(associations(factor("passkey")), factors) is decide.HAS_PASSKEY


def test_removing() -> None:
    """One event names all that go, none says that none do; a passkey keeps everything."""
    push, totp = factor("push"), factor("totp")
    drafts = drafts_of(decide.remove(associations(push, totp), [totp]))
    assert [draft.data.model_dump()["factor_ids"] for draft in drafts] == [(totp["id"],)]
    assert drafts_of(decide.remove(associations(push), [])) == ()
    assert decide.remove(associations(push, factor("passkey")), [push]) is decide.HAS_PASSKEY


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("phone", {"name": "Work"}, {"name": "Work"}),
        ("phone", {"name": "Home"}, None),
        ("phone", {"preferred_authentication_method": "voice"}, {"preferred_authentication_method": "voice"}),
        ("phone", {"preferred_authentication_method": "sms"}, None),
        ("totp", {"name": "Work"}, {"name": "Work"}),
    ],
)
def test_an_event_holds_new_values_only(
    kind: str, body: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """No event where nothing is."""
    known = factor(kind, name="Home", preferred_authentication_method="sms")
    changes = changes_of(UpdateFactor.model_validate(body))
    drafts = drafts_of(decide.change(associations(known), known["id"], changes))
    found = [draft.data.model_dump(exclude_none=True) for draft in drafts]
    assert found == ([] if expected is None else [{"factor_id": known["id"], **expected}])


def test_only_a_phone_is_preferred_another_way() -> None:
    """Every other method is refused."""
    body = UpdateFactor.model_validate({"preferred_authentication_method": "voice"})
    totp = factor("totp")
    assert decide.change(associations(totp), totp["id"], changes_of(body)) is decide.NO_PHONE


def test_second_factors() -> None:
    """Those with a provider, and the recovery code; `of_provider` finds those of one."""
    found = associations(*map(factor, ("totp", "push", "phone", "recovery-code", "passkey", "password")))
    kinds = [one["type"] for one in decide.second_factors(found)]
    assert kinds == ["totp", "push", "phone", "recovery-code"]
    assert [one["type"] for one in decide.of_provider(found, "guardian")] == ["push", "phone"]


def test_addresses_are_masked_where_a_method_is_read() -> None:
    """Not where all were set, which answers what was sent and says nothing of confirmation."""
    phone, email = factor("phone", phone_number="+14155550123"), factor("email", email="jane.doe@example.com")
    assert present.shown(phone)["phone_number"] == "XXXXXXXX0123"
    assert present.shown(email)["email"] == "jane****@exam*******"
    assert present.shown_changed(phone)["phone_number"] == "XXXXXXXX0123"
    assert present.shown_set(phone)["phone_number"] == "+14155550123"
    assert "confirmed" in present.shown(phone)
    assert "confirmed" not in present.shown_changed(phone)
    assert "confirmed" not in present.shown_set(phone)


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("jane.doe@example.com", "jane****@exam*******"),
        ("jane@example.com", "****@exam*******"),
        ("janes@example.com", "jane*@exam*******"),
        ('"a@b"@example.com', '"a@b*@exam*******'),
    ],
)
def test_a_masked_email(address: str, masked: str) -> None:
    """Four characters of each part stay; a local part of four or fewer is hidden."""
    assert present.mask_email(address) == masked


@pytest.mark.parametrize(
    ("number", "masked"), [("+14155550123", "XXXXXXXX0123"), ("12345", "X2345"), ("1234", "XXXX"), ("", "")]
)
def test_a_masked_number(number: str, masked: str) -> None:
    """Four characters stay, none of a shorter one."""
    assert present.mask_phone(number) == masked


def test_a_phone_shows_its_methods() -> None:
    """The preferred one under the device; other types have none."""
    voice = factor("phone", phone_number="+1", preferred_authentication_method="voice")
    assert present.shown(voice)["authentication_methods"] == [{"id": f"voice|{DEVICE}", "type": "voice"}]
    plain = factor("phone", phone_number="+1")
    assert present.shown(plain)["authentication_methods"] == [{"id": f"sms|{DEVICE}", "type": "sms"}]
    assert "authentication_methods" not in present.shown(factor("totp"))


def test_lists_show_phones_last() -> None:
    """Otherwise in the order of enrolment."""
    found = present.in_list(associations(*map(factor, ("phone", "totp", "email"))))
    assert [one["type"] for one in found] == ["totp", "email", "phone"]


def test_the_first_confirmed_enrolment_is_shown() -> None:
    """By its way of authenticating; methods that are no second factor are passed over."""
    phone = factor("phone", phone_number="+14155550123")
    pending = factor("totp", confirmed=False)
    assert present.enrollments(
        associations(factor("email", email="a@b.co"), pending, phone, factor("push"))
    ) == [
        {
            "id": DEVICE,
            "status": "confirmed",
            "type": "phone",
            "name": "XXXXXXXX0123",
            "identifier": "XXXXXXXX0123",
            "phone_number": "XXXXXXXX0123",
            "auth_method": "sms",
            "enrolled_at": CREATED,
        }
    ]
    (named,) = present.enrollments(associations(factor("totp", name="App")))
    assert named["name"] == "App"
    assert "phone_number" not in named
    assert present.enrollments(associations(pending)) == []
