"""What deploy/ names exists: files, options of `alextrain serve`, addresses, the extra."""

import re
import tomllib

from tests.docs.blocks import ROOT

DEPLOY = ROOT / "deploy"


def read(name):
    return (DEPLOY / name).read_text()


def test_the_image_is_made_of_files_that_are_there():
    for line in re.findall(r"^COPY (?!--from)(.+)$", read("Dockerfile"), re.MULTILINE):
        *sources, _ = line.split()
        assert [name for name in sources if not (ROOT / name).exists()] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(re.findall(r'"\.\[(\w+)\]"', read("Dockerfile"))) == {"serve"}
    assert "serve" in extras["optional-dependencies"]


def test_the_options_of_the_servers_exist():
    reference = (ROOT / "docs/cli.md").read_text()
    serve = reference.split("### alextrain serve\n")[1].split("\n### ")[0]
    used = re.findall(r'"(--[\w-]+)"', read("Dockerfile") + read("compose.yaml"))
    assert {"--host", "--port", "--token-file"} <= set(used)
    assert [option for option in used if f"{option} " not in serve] == []


def test_proxy_and_checks_ask_for_addresses_that_the_server_has():
    code = "".join(path.read_text() for path in (ROOT / "alextrain/serve").glob("*.py"))
    asked = re.findall(
        r"127\.0\.0\.1(?::8000)?(/[\w/]+)", read("Dockerfile") + read("compose.yaml")
    )
    closed = re.findall(r"location = (/\w+) \{ return 404; \}", read("nginx.conf"))
    assert asked == ["/v2/health/ready"] * 2
    assert closed == ["/metrics", "/reload", "/rollback"]
    assert [path for path in asked + closed if f'"{path}"' not in code] == []


def test_the_servers_of_the_proxy_are_those_of_the_compose_file():
    servers = re.findall(r"^    server (\w+):8000", read("nginx.conf"), re.MULTILINE)
    assert servers == re.findall(r"^  (\w+): \*server$", read("compose.yaml"), re.MULTILINE)
