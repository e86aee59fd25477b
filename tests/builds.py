"""Build directories of the suites: configured when they are first needed, built by target."""

import json
import os
import subprocess
import threading

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# One that is built ahead is not built by a suite at the same time.
_building = {"build": threading.Lock(), "build-clang": threading.Lock(), "build-tsan": threading.Lock()}


def configure(build, *options, environment=None):
    """Sets up a build directory of its own with these options, if it is not there yet."""
    if os.path.exists(os.path.join(TOP, build, "build.ninja")):
        return
    done = subprocess.run(["meson", "setup", build, "-Dperf=false", *options], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
    if done.returncode:
        raise RuntimeError(f"meson setup {build} failed\n{done.stdout}")


def configure_clang():
    """ASan, UBSan and coverage in one build, for the fuzzers and for the unit and packet suites."""
    with _building["build-clang"]:
        configure("build-clang", "--buildtype=plain", "-Doptimization=1", "-Db_lundef=false",
                  "-Db_sanitize=address,undefined", "-Dfuzz=true",
                  "-Dcpp_args=-gline-tables-only -fno-sanitize=vptr",
                  environment={"CC": "clang-14", "CXX": "clang++-14"})


def configure_tsan():
    with _building["build-tsan"]:
        configure("build-tsan", "--buildtype=plain", "-Doptimization=1", "-Db_lundef=false", "-Db_sanitize=thread",
                  "-Dcpp_args=-g1")


def executables(build, folder):
    """Paths of the programs that FOLDER's meson.build files define, in their order."""
    found = json.loads(subprocess.run(["meson", "introspect", build, "--targets"], cwd=TOP, check=True,
                                      stdout=subprocess.PIPE).stdout)
    return [target["filename"][0] for target in found if target["type"] == "executable"
            and os.path.relpath(target["defined_in"], TOP).startswith(folder + "/")]


def programs(build, folder, names=()):
    """The GoogleTest programs of a folder, or those named. `threads` repeats tests of `unit`, for TSan."""
    paths = executables(build, folder)
    if names:
        return [path for path in paths if os.path.basename(path) in names]
    return [path for path in paths if os.path.basename(path) != "threads"]


def fuzzers(build):
    return [path for path in executables(build, "tests/fuzz") if os.path.basename(path).startswith("fuzz_")]


def make(build, paths, prefix=()):
    if not paths:
        return
    targets = [os.path.relpath(path, os.path.join(TOP, build)) for path in paths]
    with _building[build]:
        done = subprocess.run([*prefix, "ninja", "-C", build, *targets], cwd=TOP, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"ninja -C {build} failed\n{done.stdout[-6000:]}")


def build_ahead():
    """Builds what `fuzz` and `sanitize` will need, on what other suites leave of the CPUs. They report what fails."""
    idle = ("chrt", "-i", "0")

    def run():
        try:
            configure_clang()
            make("build-clang", fuzzers("build-clang"), idle)
            make("build-clang", programs("build-clang", "tests/unit") + programs("build-clang", "tests/packet"), idle)
            configure_tsan()
            make("build-tsan", programs("build-tsan", "tests/unit", ["threads"]), idle)
            make("build-tsan", programs("build-tsan", "tests/smoke", ["kernel_test"]), idle)
        except (RuntimeError, OSError, subprocess.SubprocessError):
            pass
    threading.Thread(target=run, daemon=True).start()
