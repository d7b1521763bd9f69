"""The errors that keep a process from starting. They name variables and paths, never a value."""


class ConfigError(Exception):
    """A process must not start as it is configured."""

    code = "config_error"


class SettingsRefused(ConfigError):
    """A setting is missing, malformed, or says what this profile forbids."""

    code = "settings_refused"


class SecretRefused(ConfigError):
    """A key or secret file is missing, readable by others, malformed or guessable."""

    code = "secret_refused"


class ForeignKeyReadable(ConfigError):
    """A key that belongs to another process can be opened by this one."""

    code = "foreign_key_readable"
