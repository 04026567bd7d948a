"""The doors themselves: help, bootstrap without root, and what bootstrap must leave as it was."""
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "scripts/bootstrap"


def run(*words, path=None):
    env = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}") if path else None
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


def fake(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_help_lists_every_door_that_the_readme_names():
    listed = set(re.findall(r"^  ([a-z-]+) ", run("make", "--no-print-directory", "help").stdout, re.M))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert named and named <= listed


def test_bootstrap_refuses_a_set_that_does_not_exist():
    result = run(BOOTSTRAP, "--check", "nonsense")
    assert result.returncode == 2
    assert "demo test console mcu interop bench" in result.stdout


def test_bootstrap_check_says_what_is_missing_and_why(tmp_path):
    fake(tmp_path, "dpkg-query", 'echo "gcc installed"')
    result = run(BOOTSTRAP, "--check", "demo", path=tmp_path)
    assert result.returncode == 1
    assert re.search(r"libsqlite3-dev +the server's state", result.stdout)
    assert "bootstrap: gcc " not in result.stdout


def test_bootstrap_without_root_or_sudo_prints_the_line_to_run(tmp_path):
    fake(tmp_path, "dpkg-query", "true")
    fake(tmp_path, "id", "echo 1000")
    fake(tmp_path, "sudo", "exit 1")
    fake(tmp_path, "apt-get", f"touch {tmp_path}/called")
    result = run(BOOTSTRAP, "demo", path=tmp_path)
    assert result.returncode == 1
    line = re.search(r"apt-get update && apt-get install -y --no-install-recommends (.+)", result.stderr)
    assert {"gcc", "cmake", "libssl-dev"} <= set(line[1].split())
    assert not (tmp_path / "called").exists()


def test_bootstrap_runs_apt_once_when_lists_are_fresh_and_refreshes_them_when_it_fails(tmp_path):
    """With a policy folder of its own the rest needs root; here only the order of the calls to apt-get is looked at."""
    fake(tmp_path, "dpkg-query", "true")
    fake(tmp_path, "id", "echo 0")
    fake(tmp_path, "apt-get", f'echo "$@" >>{tmp_path}/calls; case "$*" in *update*) ;; *) [ -e {tmp_path}/second ] || '
                              f"{{ touch {tmp_path}/second; exit 100; }};; esac")
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", UPDRAFT_POLICY_RC=str(tmp_path / "policy-rc.d"))
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 104\n")
    result = subprocess.run([BOOTSTRAP, "mcu"], env=env, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert ["install" in c for c in calls] == [True, False, True]
    assert " update" in calls[1]
    assert all("DPkg::Lock::Timeout" in c for c in calls)
    assert (tmp_path / "policy-rc.d").read_text() == "#!/bin/sh\nexit 104\n"  # an existing one is not lost
    assert not list(tmp_path.glob("policy-rc.d.*"))


def test_bootstrap_puts_back_the_policy_of_a_run_that_was_killed(tmp_path):
    fake(tmp_path, "dpkg-query", "true")
    fake(tmp_path, "id", "echo 0")
    fake(tmp_path, "apt-get", "kill -9 $PPID; sleep 0; exit 0")
    policy = tmp_path / "policy-rc.d"
    env = dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}", UPDRAFT_POLICY_RC=str(policy))
    policy.write_text("#!/bin/sh\nexit 104\n")
    assert subprocess.run([BOOTSTRAP, "mcu"], env=env, capture_output=True, timeout=60).returncode != 0
    assert "deny while installing" in policy.read_text()
    fake(tmp_path, "apt-get", f"cp {policy} {tmp_path}/during")
    assert subprocess.run([BOOTSTRAP, "mcu"], env=env, capture_output=True, timeout=60).returncode == 0
    assert "exit 101" in (tmp_path / "during").read_text()
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"


def without_debian(folder: Path, *words, **env):
    """Run with a PATH that has a shell's tools and nothing of Debian's."""
    for tool in "bash cat sed env mkdir realpath mktemp rm dirname".split():
        (folder / tool).symlink_to(shutil.which(tool))
    return subprocess.run(words, cwd=ROOT, env=dict(env, PATH=str(folder)), capture_output=True, text=True, timeout=60)


def test_bootstrap_on_another_system_says_what_is_needed_and_how_to_go_on(tmp_path):
    result = without_debian(tmp_path, BOOTSTRAP, "mcu")
    assert result.returncode == 1
    assert re.search(r"gcc-arm-none-eabi +cross-compiler", result.stderr)
    assert "libcmocka-dev" not in result.stderr
    assert "UPDRAFT_BOOTSTRAP=skip" in result.stderr


def test_bootstrap_believes_who_says_that_everything_is_there(tmp_path):
    assert without_debian(tmp_path, BOOTSTRAP, "mcu", UPDRAFT_BOOTSTRAP="skip").returncode == 0


def test_mbedtls_source_without_apt_says_how_to_name_another_copy(tmp_path):
    (tmp_path / "tools").mkdir()
    result = without_debian(tmp_path / "tools", ROOT / "scripts/mbedtls-source", tmp_path / "cache")
    assert result.returncode == 1 and not result.stdout
    assert "make mcu MBEDTLS_SOURCE=" in result.stderr


def test_mbedtls_source_refuses_a_folder_that_holds_something_else(tmp_path):
    env = dict(os.environ, MBEDTLS_SOURCE=str(tmp_path))
    result = subprocess.run([ROOT / "scripts/mbedtls-source", tmp_path / "cache"], env=env, capture_output=True, text=True)
    assert result.returncode == 1 and not result.stdout
    assert "holds no mbedTLS sources" in result.stderr
