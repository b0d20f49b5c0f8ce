"""A database that accepts no writes for a while, as a standby or a full disk does."""

from tests.worlds.management import Site, new_user, path_of


async def test_a_read_only_database_is_unavailable_until_it_is_writable(site: Site) -> None:
    """Writes are answered with 503 and reads with 200; later writes succeed, also on the sessions that began
    read-only."""
    api, name = site.client(), site.database.name
    made = await api.post("/api/v2/users", json=new_user(email="before@example.com"))
    assert made.status_code == 201
    role = site.database.role("management")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND datname = $2"
    async with site.database.connected() as connection:
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await connection.execute(cut, role, name)
        try:

            async def is_read() -> bool:
                return (await api.get(path_of(made.json()["user_id"]))).status_code == 200

            await site.stack.until(is_read)
            refused = await api.post("/api/v2/users", json=new_user(email="during@example.com"))
            assert (refused.status_code, refused.json()["error"]) == (503, "Service Unavailable")
        finally:
            await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    again = await api.post("/api/v2/users", json=new_user(email="during@example.com"))
    assert again.status_code == 201, again.text
