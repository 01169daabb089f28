"""Settings: who wins, where a value is from, and what is refused."""

from pathlib import Path

import pytest

from runnel.errors import ConfigInvalid
from runnel.settings import AwsSettings, default_home, ensure_home, load_settings

ENVIRONMENT = {"RUNNEL_HOME": "/data/env", "RUNNEL_REMOTE": "https://env.example/", "RUNNEL_TOKEN": "t-env"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def origins(flags: dict[str, str | None], environment: dict[str, str]) -> dict[str, str]:
    return {setting.name: setting.origin for setting in load_settings(flags, environment=environment).shown}


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default() -> None:
    """And each value tells where it came from."""
    Path("runnel.toml").write_text(
        'home = "/data/file"\nremote = "https://file.example"\nallow_private = ["127.0.0.1:1"]\n'
    )
    settings = load_settings({"remote": "https://flag.example/", "home": None}, environment=ENVIRONMENT)

    assert settings.home == Path("/data/env")
    assert settings.remote == "https://flag.example"
    assert settings.allow_private == {("127.0.0.1", 1)}
    assert origins({"remote": "https://flag.example"}, ENVIRONMENT) == {
        "home": "RUNNEL_HOME",
        "allow_private": "runnel.toml",
        "remote": "--remote",
        "token": "RUNNEL_TOKEN",
        "tracking_parameters": "default",
        "markdown_twins": "default",
        "proxy": "default",
        "low_quality_below": "default",
        "asset_sizes": "default",
    }
    assert origins({}, {"HOME": "/h"})["token"] == "default"


def test_a_secret_is_never_shown() -> None:
    """`runnel config` ends up in bug reports."""
    settings = load_settings(environment=ENVIRONMENT)

    assert settings.token == "t-env"
    assert "t-env" not in repr(settings)


def test_a_file_from_elsewhere_cannot_send_the_users_token_away() -> None:
    """A cloned project may hold a runnel.toml."""
    Path("runnel.toml").write_text('remote = "https://evil.example"\n')

    with pytest.raises(ConfigInvalid, match="RUNNEL_REMOTE"):
        load_settings(environment={"RUNNEL_TOKEN": "secret"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("home = 3", "'home'"),
        ("home = ", "TOML"),
        ("colour = 'red'", "colour"),
        ("crawl = 1", "'crawl'"),
        ("remote = 'ftp://x'", "ftp://x"),
        ("allow_private = '10.0.0.0/8'", "10.0.0.0/8"),
    ],
)
def test_a_wrong_file_is_refused_and_named(text: str, says: str) -> None:
    """The reader must find the line."""
    Path("runnel.toml").write_text(text)

    with pytest.raises(ConfigInvalid, match=says) as caught:
        load_settings(environment={})

    assert "runnel.toml" in caught.value.message


def test_a_file_that_was_asked_for_must_exist() -> None:
    """A typo in --config is no default."""
    with pytest.raises(ConfigInvalid, match=r"absent\.toml"):
        load_settings(file=Path("absent.toml"), environment={})


def test_the_crawl_table_is_handed_on() -> None:
    """Defaults of a project's crawls."""
    Path("my.toml").write_text("[crawl]\nlimit = 5\n")

    assert load_settings(file=Path("my.toml"), environment={}).crawl == {"limit": 5}


def test_the_data_folder_is_the_platforms() -> None:
    """No extra library for three rules."""
    home = Path.home()

    assert default_home({"XDG_DATA_HOME": "/x"}, "linux") == Path("/x/runnel")
    assert default_home({"XDG_DATA_HOME": "relative"}, "linux") == home / ".local/share/runnel"
    assert default_home({}, "darwin") == home / "Library/Application Support/runnel"
    assert default_home({"LOCALAPPDATA": "/local"}, "win32") == Path("/local/runnel")


def test_a_home_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    """Found before a job exists."""
    (tmp_path / "file").write_text("")

    assert ensure_home(tmp_path / "new" / "home").is_dir()
    with pytest.raises(ConfigInvalid, match="set RUNNEL_HOME"):
        ensure_home(tmp_path / "file" / "home")


def test_a_function_reads_what_the_template_sets() -> None:
    """And says which variable is missing before any work."""
    settings = AwsSettings.from_environment({"RUNNEL_BUCKET": "b", "RUNNEL_TABLE": "t", "AWS_REGION": "eu-west-1"})

    assert (settings.bucket, settings.table, settings.tenant, settings.auth_type) == ("b", "t", "main", "NONE")
    assert settings.region == "eu-west-1"
    assert settings.allow_private == frozenset()
    assert settings.need("table") is settings
    with pytest.raises(ConfigInvalid, match="RUNNEL_CRAWLER_FUNCTION"):
        settings.need("table", "crawler_function")


@pytest.mark.parametrize(
    "environment",
    [{}, {"RUNNEL_BUCKET": "b", "RUNNEL_AUTH_TYPE": "none"}, {"RUNNEL_BUCKET": "b", "RUNNEL_ALLOW_PRIVATE": "*:80"}],
)
def test_a_function_with_a_wrong_environment_does_not_start(environment: dict[str, str]) -> None:
    """A typo must not open a door."""
    with pytest.raises(ConfigInvalid):
        AwsSettings.from_environment(environment)


def test_tracking_parameters_are_named_between_commas() -> None:
    """A site's own ones add to the well-known; how they are written does not matter."""
    settings = load_settings(environment={"RUNNEL_TRACKING_PARAMETERS": " Ref, source,,"})

    assert settings.tracking_parameters == {"ref", "source"}
    assert load_settings(environment={}).tracking_parameters == frozenset()
    stack = {"RUNNEL_BUCKET": "b", "RUNNEL_TRACKING_PARAMETERS": "ref"}
    assert AwsSettings.from_environment(stack).tracking_parameters == {"ref"}


def test_markdown_twins_have_three_choices() -> None:
    """A wrong one is told with its place, in both homes."""
    assert load_settings(environment={}).markdown_twins == "declared"
    assert load_settings(environment={"RUNNEL_MARKDOWN_TWINS": "ask"}).markdown_twins == "ask"
    stack = {"RUNNEL_BUCKET": "b", "RUNNEL_MARKDOWN_TWINS": "off"}
    assert AwsSettings.from_environment(stack).markdown_twins == "off"
    with pytest.raises(ConfigInvalid, match="RUNNEL_MARKDOWN_TWINS: 'on' is none of off, declared, ask"):
        load_settings(environment={"RUNNEL_MARKDOWN_TWINS": "on"})


@pytest.mark.parametrize("text", ["0", "901", "long"])
def test_a_readers_window_is_a_time(text: str) -> None:
    """A function lives no longer than its fifteen minutes; and who comes back at once is billed for nothing else."""
    with pytest.raises(ConfigInvalid, match="RUNNEL_FOLLOW_WINDOW_S"):
        AwsSettings.from_environment({"RUNNEL_BUCKET": "b", "RUNNEL_FOLLOW_WINDOW_S": text})

    assert AwsSettings.from_environment({"RUNNEL_BUCKET": "b"}).follow_window_s == 60


@pytest.mark.parametrize("text", ["0", "3601", "soon"])
def test_the_patience_with_the_processor_is_a_time(text: str) -> None:
    """A batch that is sent again at once would be sent again for ever."""
    environment = {"RUNNEL_BUCKET": "b", "RUNNEL_BATCH_OVERDUE_S": text}
    with pytest.raises(ConfigInvalid, match="RUNNEL_BATCH_OVERDUE_S"):
        AwsSettings.from_environment(environment)

    assert AwsSettings.from_environment({"RUNNEL_BUCKET": "b"}).batch_overdue_s == 330


def test_a_proxy_is_named_by_its_user_alone() -> None:
    """A file that came with somebody's work must not choose who sees every request; the password is never shown."""
    flag, variable = "http://ann:s3cret@10.0.0.1:3128", {"RUNNEL_PROXY": "http://other:1"}
    settings = load_settings({"proxy": flag}, environment=variable)
    Path("runnel.toml").write_text('proxy = "http://evil.example:1"\n')

    assert str(settings.proxy) == "10.0.0.1:3128"
    assert "s3cret" not in repr(settings)
    assert [one.value for one in settings.shown if one.name == "proxy"] == ["http://********@10.0.0.1:3128"]
    with pytest.raises(ConfigInvalid, match=r"'proxy' cannot stand in .*; give --proxy or set RUNNEL_PROXY"):
        load_settings(environment={})
    with pytest.raises(ConfigInvalid, match="RUNNEL_PROXY: 'socks5://b:1' is no proxy"):
        load_settings(environment={"RUNNEL_PROXY": "socks5://b:1"})
    assert str(load_settings(environment=variable).proxy) == "other:1"
    assert load_settings(environment={"HTTP_PROXY": "http://other:1"}, file=_empty()).proxy is None


def _empty() -> Path:
    path = Path("empty.toml")
    path.write_text("")
    return path


def test_the_least_score_of_a_page_is_a_whole_number() -> None:
    """A slip of the pen must not empty a library."""
    Path("runnel.toml").write_text("low_quality_below = 35\n")
    stack = {"RUNNEL_BUCKET": "b", "RUNNEL_LOW_QUALITY_BELOW": "0"}

    assert load_settings(environment={}).low_quality_below == 35
    assert load_settings(environment={"RUNNEL_LOW_QUALITY_BELOW": "0"}).low_quality_below == 0
    assert AwsSettings.from_environment(stack).low_quality_below == 0
    assert AwsSettings.from_environment({"RUNNEL_BUCKET": "b"}).low_quality_below == 1
    for wrong in ("-1", "101", "2.5", "many", "²"):
        with pytest.raises(ConfigInvalid, match=r"RUNNEL_LOW_QUALITY_BELOW: .* between 0 and 100"):
            load_settings(environment={"RUNNEL_LOW_QUALITY_BELOW": wrong})


def test_how_many_files_are_asked_about_is_a_whole_number() -> None:
    """Nought asks about none."""
    Path("runnel.toml").write_text("asset_sizes = 35\n")

    assert load_settings(environment={}).asset_sizes == 35
    assert load_settings(environment={"RUNNEL_ASSET_SIZES": "0"}).asset_sizes == 0
    assert AwsSettings.from_environment({"RUNNEL_BUCKET": "b", "RUNNEL_ASSET_SIZES": "7"}).asset_sizes == 7
    assert AwsSettings.from_environment({"RUNNEL_BUCKET": "b"}).asset_sizes == 1_000
    with pytest.raises(ConfigInvalid, match=r"RUNNEL_ASSET_SIZES: .* between 0 and 10000"):
        load_settings(environment={"RUNNEL_ASSET_SIZES": "10001"})
