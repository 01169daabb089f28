"""The settings of both homes, and the only place that reads the environment.

Laws (tests/unit/test_settings.py):

1. A flag wins over the environment, that over `runnel.toml`, that over the default; every value knows where it is from.
2. A wrong value raises `ConfigInvalid`, which names it and its origin; so does a missing variable of a function.
3. A token goes only to a server that was named in the same place or nearer to the user: a `runnel.toml` that came with
   somebody's files cannot send a token of the environment elsewhere.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast, get_args

from runnel.domain.markdown_twins import MarkdownTwins
from runnel.domain.quality import LOW_QUALITY_BELOW
from runnel.errors import ConfigInvalid
from runnel.fetching.addresses import parse_allowed_private
from runnel.fetching.proxies import Proxy, hide_password, parse_proxy

FILE_NAME: Final = "runnel.toml"
AuthType = Literal["NONE", "AWS_IAM"]
_Table = Mapping[str, object]

#: The names of settings in `runnel.toml` and of flags; in the environment `RUNNEL_` stands before them.
NAMES: Final = (
    "home", "allow_private", "remote", "token", "tracking_parameters", "markdown_twins", "low_quality_below",
    "asset_sizes", "proxy",
)  # fmt: skip
_SECRETS: Final = frozenset({"token"})
#: What a file may not say: a `runnel.toml` that came with somebody's files must not choose who sees every request.
_NOT_IN_FILES: Final = frozenset({"proxy"})
_NUMBERS: Final = frozenset({"low_quality_below", "asset_sizes"})
_BEST_SCORE: Final = 100
#: Files that a job asks about, if nothing is said, and at most.
ASSET_SIZES: Final = 1_000
_MOST_ASSETS: Final = 10_000
#: A flag is nearer to the user than the environment, that nearer than a file.
_FLAG, _ENVIRONMENT, _FILE, _DEFAULT = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value as `runnel config` shows it."""

    name: str
    value: str | None
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process on a laptop goes by."""

    home: Path
    #: Private (host, port) pairs that this process may crawl.
    allow_private: frozenset[tuple[str, int]] = frozenset()
    #: Base URL of the server to speak to, without a slash at the end; None = this machine.
    remote: str | None = None
    token: str | None = field(default=None, repr=False)
    #: Query parameters that track the reader, besides those that are always dropped; in lower case.
    tracking_parameters: frozenset[str] = frozenset()
    #: Whether the site's own Markdown of a page is fetched.
    markdown_twins: MarkdownTwins = "declared"
    #: Every page is asked for through it; None = directly.
    proxy: Proxy | None = None
    #: A page that scores less, of 100, is left out of the library.
    low_quality_below: int = LOW_QUALITY_BELOW
    #: Files that are no pages, of which a job asks for type and size, at most.
    asset_sizes: int = ASSET_SIZES
    #: Seconds after which a silent driver is dead.
    lease_ttl_s: float = 12.0
    #: No colours wanted (`NO_COLOR`, `--no-color`).
    no_color: bool = False
    #: The table `[crawl]` of runnel.toml: options of `runnel crawl` that no flag gives.
    crawl: Mapping[str, object] = field(default_factory=dict)
    #: Every value with its origin, secrets masked.
    shown: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    text: str | None
    rank: int
    origin: str


def load_settings(
    flags: Mapping[str, str | None] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings of a laptop; raises `ConfigInvalid`.

    Args:
        flags: values given on the command line by name; None = not given.
        file: the file to read instead of `runnel.toml` in the current folder; it must exist.
        environment: instead of the process's own.
    """
    env = os.environ if environment is None else environment
    path, table = _read_file(file)
    raw = {name: _find(name, flags or {}, env, path, table) for name in NAMES}
    remote, token = _remote(raw["remote"]), raw["token"].text
    if remote and token and raw["remote"].rank > raw["token"].rank:
        raise ConfigInvalid(
            f"The server is from {path} but the token from {raw['token'].origin}; give --remote or set RUNNEL_REMOTE."
        )
    crawl = table.get("crawl", {})
    if not isinstance(crawl, dict):
        raise ConfigInvalid(f"'crawl' in {path} must be a table.")
    return Settings(
        home=_home(raw["home"], env),
        allow_private=_allow_private(raw["allow_private"]),
        remote=remote,
        token=token,
        tracking_parameters=_tracking_parameters(raw["tracking_parameters"].text),
        markdown_twins=_markdown_twins(raw["markdown_twins"].text, raw["markdown_twins"].origin),
        proxy=_proxy(raw["proxy"]),
        low_quality_below=_whole_number(raw["low_quality_below"], LOW_QUALITY_BELOW, most=_BEST_SCORE),
        asset_sizes=_whole_number(raw["asset_sizes"], ASSET_SIZES, most=_MOST_ASSETS),
        lease_ttl_s=_lease_ttl_s(env),
        no_color=bool(env.get("NO_COLOR")),
        crawl=crawl,
        shown=tuple(_show(name, raw[name], env) for name in NAMES),
    )


def ensure_home(home: Path) -> Path:
    """Make RUNNEL_HOME, for this user alone; raises `ConfigInvalid` when nothing can be written there."""
    probe = home / f".probe-{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigInvalid(
            f"RUNNEL_HOME {home} cannot be written ({error.strerror}); set RUNNEL_HOME to a folder of yours."
        ) from error
    return home


def environment_secret(name: str) -> str | None:
    """What a header reference `env:NAME` stands for: on a laptop only, the Lambda wiring never asks."""
    return os.environ.get(name)


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process of ours: this one's, with *more* where it says nothing itself."""
    return {**more, **os.environ}


def quicken_imports() -> None:
    """Keep pydantic from looking for plugins in every installed package, a sixth of its import; ours needs none."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def default_home(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The platform's folder for user data, and `runnel` in it."""
    xdg = environment.get("XDG_DATA_HOME", "")
    if xdg.startswith("/"):  # the standard says: a relative one is to be ignored
        return Path(xdg) / "runnel"
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "runnel"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "runnel"
    return Path.home() / ".local" / "share" / "runnel"


def _find(name: str, flags: Mapping[str, str | None], env: Mapping[str, str], path: Path, table: _Table) -> _Raw:
    flag = flags.get(name)
    if flag is not None:
        return _Raw(text=flag, rank=_FLAG, origin=f"--{name.replace('_', '-')}")
    variable = f"RUNNEL_{name.upper()}"
    if env.get(variable):
        return _Raw(text=env[variable], rank=_ENVIRONMENT, origin=variable)
    value = table.get(name)
    if value is not None and name in _NOT_IN_FILES:
        raise ConfigInvalid(f"'{name}' cannot stand in {path}; give --{name} or set {variable}.")
    if value is None:
        return _Raw(text=None, rank=_DEFAULT, origin="default")
    if name in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ",".join(value)
    if not isinstance(value, str):
        raise ConfigInvalid(f"'{name}' in {path} must be text.")
    return _Raw(text=value, rank=_FILE, origin=str(path))


def _read_file(file: Path | None) -> tuple[Path, _Table]:
    """The settings file and what it holds; nothing when there is none and none was asked for."""
    path = file or Path(FILE_NAME)
    if file is None and not path.is_file():
        return path, {}
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigInvalid(f"{path} is not valid TOML: {error}.") from error
    unknown = sorted(table.keys() - {*NAMES, "crawl"})
    if unknown:
        raise ConfigInvalid(f"{path} has a setting that does not exist: {unknown[0]}.")
    return path, table


def _home(raw: _Raw, env: Mapping[str, str]) -> Path:
    try:
        return Path(raw.text).expanduser().absolute() if raw.text else default_home(env)
    except RuntimeError as error:
        raise ConfigInvalid("There is no home folder for this user; set RUNNEL_HOME.") from error


def _allow_private(raw: _Raw) -> frozenset[tuple[str, int]]:
    try:
        return parse_allowed_private(raw.text or "")
    except ConfigInvalid as error:
        raise ConfigInvalid(f"{raw.origin}: {error.message}") from error


def _tracking_parameters(text: str | None) -> frozenset[str]:
    """Names between commas."""
    return frozenset(name.strip().lower() for name in (text or "").split(",") if name.strip())


def _markdown_twins(text: str | None, origin: str) -> MarkdownTwins:
    for choice in get_args(MarkdownTwins):
        if choice == (text or "declared"):
            return cast("MarkdownTwins", choice)
    raise ConfigInvalid(f"{origin}: '{text}' is none of {', '.join(get_args(MarkdownTwins))}.")


def _proxy(raw: _Raw) -> Proxy | None:
    try:
        return parse_proxy(raw.text) if raw.text else None
    except ConfigInvalid as error:
        raise ConfigInvalid(f"{raw.origin}: {error.message}") from error


def _whole_number(raw: _Raw, default: int, *, most: int) -> int:
    """A number of 0 to *most*."""
    text = raw.text or str(default)
    if not (text.isdecimal() and text.isascii() and int(text) <= most):
        raise ConfigInvalid(f"{raw.origin}: '{text}' is not a whole number between 0 and {most}.")
    return int(text)


def _number_in(env: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    """A number of the environment alone."""
    return _whole_number(_find(name, {}, env, Path(FILE_NAME), {}), default, most=most)


def _remote(raw: _Raw) -> str | None:
    if raw.text is None:
        return None
    if not raw.text.startswith(("http://", "https://")) or " " in raw.text:
        raise ConfigInvalid(f"{raw.origin}: '{raw.text}' is not the http or https URL of a Runnel server.")
    return raw.text.rstrip("/")


def _lease_ttl_s(env: Mapping[str, str]) -> float:
    """How long a driver may be silent; the same in every process that shares a store."""
    return _seconds(env, "RUNNEL_LEASE_TTL_S", default="12", most=600)


def _seconds(env: Mapping[str, str], name: str, *, default: str, most: int) -> float:
    """A time of 1 to *most* seconds."""
    text = env.get(name) or default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= most:
        raise ConfigInvalid(f"{name}: '{text}' is not a number of seconds between 1 and {most}.")
    return seconds


def _show(name: str, raw: _Raw, env: Mapping[str, str]) -> Setting:
    text = "********" if raw.text and name in _SECRETS else raw.text
    if name == "proxy" and text:
        text = hide_password(text)
    if name == "home":
        text = str(_home(raw, env))
    return Setting(name=name, value=text, origin=raw.origin)


# --- the functions on AWS -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """What the template tells a function; the names it does not need are empty."""

    bucket: str
    table: str = ""
    crawler_function: str = ""
    processor_function: str = ""
    self_function: str = ""
    tenant: str = "main"
    auth_type: AuthType = "NONE"
    region: str | None = None
    #: Seconds after which a silent driver is dead.
    lease_ttl_s: float = 12.0
    #: Seconds after which a batch that was not answered is sent again: a little more than the processor may live.
    batch_overdue_s: float = 330.0
    #: Seconds after which a reader's connection ends and it is asked to come back.
    follow_window_s: float = 60.0
    #: Secrets that headers may name: those that the template lists.
    secrets: frozenset[str] = frozenset()
    #: Query parameters that track the reader, besides those that are always dropped; in lower case.
    tracking_parameters: frozenset[str] = frozenset()
    #: Whether the site's own Markdown of a page is fetched.
    markdown_twins: MarkdownTwins = "declared"
    #: A page that scores less, of 100, is left out of the library.
    low_quality_below: int = LOW_QUALITY_BELOW
    #: Files that are no pages, of which a job asks for type and size, at most.
    asset_sizes: int = ASSET_SIZES
    #: Always empty in a stack: the template has no such variable. Tests on loopback set it.
    allow_private: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "AwsSettings":
        """Read the function's environment; raises `ConfigInvalid` naming what is missing or wrong."""
        env = os.environ if environment is None else environment
        auth_type = env.get("RUNNEL_AUTH_TYPE") or "NONE"
        if auth_type not in {"NONE", "AWS_IAM"}:
            raise ConfigInvalid(f"RUNNEL_AUTH_TYPE must be NONE or AWS_IAM, not '{auth_type}'.")
        if not env.get("RUNNEL_BUCKET"):
            raise ConfigInvalid("RUNNEL_BUCKET is not set; the template sets it.")
        return cls(
            bucket=env["RUNNEL_BUCKET"],
            table=env.get("RUNNEL_TABLE", ""),
            crawler_function=env.get("RUNNEL_CRAWLER_FUNCTION", ""),
            processor_function=env.get("RUNNEL_PROCESSOR_FUNCTION", ""),
            self_function=env.get("RUNNEL_SELF_FUNCTION", ""),
            tenant=env.get("RUNNEL_TENANT") or "main",
            auth_type=cast("AuthType", auth_type),
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"),
            lease_ttl_s=_lease_ttl_s(env),
            batch_overdue_s=_seconds(env, "RUNNEL_BATCH_OVERDUE_S", default="330", most=3_600),
            follow_window_s=_seconds(env, "RUNNEL_FOLLOW_WINDOW_S", default="60", most=900),
            secrets=frozenset(filter(None, env.get("RUNNEL_SECRETS", "").split(","))),
            tracking_parameters=_tracking_parameters(env.get("RUNNEL_TRACKING_PARAMETERS")),
            markdown_twins=_markdown_twins(env.get("RUNNEL_MARKDOWN_TWINS"), "RUNNEL_MARKDOWN_TWINS"),
            low_quality_below=_number_in(env, "low_quality_below", LOW_QUALITY_BELOW, most=_BEST_SCORE),
            asset_sizes=_number_in(env, "asset_sizes", ASSET_SIZES, most=_MOST_ASSETS),
            allow_private=parse_allowed_private(env.get("RUNNEL_ALLOW_PRIVATE", "")),
        )

    def need(self, *names: str) -> "AwsSettings":
        """Give these settings back; raises `ConfigInvalid` when one of the named fields is empty."""
        for name in names:
            if not getattr(self, name):
                raise ConfigInvalid(f"RUNNEL_{name.upper()} is not set; the template sets it.")
        return self
