"""Settings every service shares, read once from the environment at the process edge."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import Topic


class RuntimeSettings(BaseSettings):
    """Where the parts are. Variables carry the prefix `VITA_`."""

    model_config = SettingsConfigDict(env_prefix="VITA_", frozen=True, extra="ignore")

    kafka_bootstrap: str = Field(description="Kafka bootstrap servers, `host:port[,host:port]`.")
    database_url: SecretStr = Field(description="PostgreSQL address with this service's own role.")
    key_provider: str = Field(description="Key-encryption key: `file:<path>` or `env:<variable>`.")
    topic_prefix: str = Field("", description="Put before every physical topic name.")
    log_format: Literal["console", "json"] = "json"

    def topic(self, topic: Topic) -> str:
        """The physical name of a topic."""
        return self.topic_prefix + topic.value
