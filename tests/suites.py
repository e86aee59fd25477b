"""Runs test suites, prints for each its counts and time, and at the end `N passed, N failed, N skipped`.

A suite is a function that returns a Count. Programs of our own print one line a test: `ok NAME (S s)`,
`FAIL NAME: why` or `skip NAME: why`. GoogleTest binaries are found by asking meson, counted by their JSON report;
one that crashes counts as one failure.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from builds import TOP, build_ahead, configure_clang, configure_tsan, executables, fuzzers, make, programs

FUZZ_SECONDS = 15
LONG_FUZZ_SECONDS = 600


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self


def say(text):
    print(text, flush=True)


def indent(text, lines=60):
    kept = text.rstrip().splitlines()[-lines:]
    return "\n".join("    " + line for line in kept)


# --- running --------------------------------------------------------------------------------------------------

def run_gtest(path, words=(), environment=None, prefix=(), limit=600):
    """Runs one GoogleTest binary."""
    name = os.path.basename(path)
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = [*prefix, path, f"--gtest_output=json:{report}", "--gtest_brief=1"]
        if words:
            command.append("--gtest_filter=" + ":".join(f"*{word}*" for word in words))
        try:
            done = subprocess.run(command, cwd=TOP, text=True, errors="replace", timeout=limit, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as expired:
            output, status = (expired.stdout or b"").decode(errors="replace"), f"still running after {limit} s"
        count = Count()
        try:
            with open(report) as file:
                suites = json.load(file)["testsuites"]
        except (OSError, ValueError):
            suites = []
        for test in (test for suite in suites for test in suite["testsuite"]):
            if test.get("failures"):
                count.failed += 1
            elif test["result"] == "SKIPPED":
                count.skipped += 1
            elif test["result"] == "COMPLETED":
                count.passed += 1
    if status != 0 and count.failed == 0:
        count.failed += 1
        say(f"  FAIL {name}: ended with {status}")
    if count.failed:
        say(indent(output, 120))
    for reason in re.findall(r": Skipped\n(.*)", output):
        say(f"  skip {name}: {reason}")
    return count


def run_lines(command, environment=None):
    """Runs a program that prints a line a test; shows them as they come, failures with what follows them."""
    count = Count()
    with subprocess.Popen(command, cwd=TOP, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}) as program:
        for line in program.stdout:
            say("  " + line.rstrip())
            if line.startswith("ok "):
                count.passed += 1
            elif line.startswith("FAIL "):
                count.failed += 1
            elif line.startswith("skip "):
                count.skipped += 1
    if program.returncode not in (0, 1) or (program.returncode == 1 and count.failed == 0):
        say(f"  FAIL {command[1]}: ended with {program.returncode}")
        count.failed += 1
    return count


def gtest_suite(folder, options, build="build", names=(), **how):
    """The GoogleTest programs of a folder, or those named."""
    count = Count()
    paths = programs(build, folder, names)
    if not paths:
        raise RuntimeError(f"{folder} defines no test program")
    make(build, paths)
    for path in paths:
        count += run_gtest(path, options.k, **how)
    return count


def words_of(options):
    return [argument for word in options.k for argument in ("-k", word)]


# --- the suites -----------------------------------------------------------------------------------------------

def style(options):
    return run_lines(["python3", "tests/style/check.py"])


def unit(options):
    return gtest_suite("tests/unit", options)


def packet(options):
    return gtest_suite("tests/packet", options)


def kernel(options):
    """TAPs, netlink and nftables against the kernel, in namespaces of its own."""
    return gtest_suite("tests/smoke", options)


def smoke(options):
    return run_lines(["python3", "-B", "tests/smoke/run.py", *words_of(options)])


def differential(options):
    return run_lines(["python3", "-B", "tests/differential/run.py", *words_of(options)])


def sanitize(options):
    """Unit and packet suites under ASan and UBSan; what threads share under TSan."""
    count = Count()
    configure_clang()
    suppressions = os.path.join(TOP, "tests/style/leaks.txt")
    environment = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                   "LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"}
    for folder in ("tests/unit", "tests/packet"):
        count += gtest_suite(folder, options, "build-clang", environment=environment)
    configure_tsan()
    # TSan of g++ 12 does not know the address layout that recent kernels randomise to. The tests named Large take
    # minutes there; of the tests against the kernel only the TAP thread's have threads.
    for folder, program, tests in (("tests/unit", "threads", "-*Large*"), ("tests/smoke", "kernel_test", "TapIo*")):
        count += gtest_suite(folder, options, "build-tsan", [program], prefix=["setarch", "-R"],
                             environment={"TSAN_OPTIONS": "halt_on_error=1", "GTEST_FILTER": tests})
    return count


def fuzz_for(seconds):
    configure_clang()
    paths = fuzzers("build-clang")
    if not paths:
        raise RuntimeError("tests/fuzz defines no fuzzer")
    make("build-clang", paths)

    def one(path):
        name = os.path.basename(path).removeprefix("fuzz_")
        corpus = os.path.join(TOP, "tests/fuzz/corpus", name)
        found = os.path.join(TOP, "build-clang/found", name)
        os.makedirs(found, exist_ok=True)
        with tempfile.TemporaryDirectory() as fresh:
            done = subprocess.run([path, fresh, *([corpus] if os.path.isdir(corpus) else []),
                                   f"-max_total_time={seconds}", "-timeout=10", "-print_final_stats=1",
                                   f"-artifact_prefix={found}/"],
                                  text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
        return name, done.returncode, int(runs.group(1)) if runs else 0, done.stdout

    count = Count()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, status, runs, output in pool.map(one, paths):
            if status == 0 and runs:
                count.passed += 1
                say(f"  ok {name} ({runs} inputs in {seconds} s)")
            else:
                count.failed += 1
                say(f"  FAIL {name}: ended with {status}; the input is in build-clang/found/{name}")
                say(indent(output))
    return count


def fuzz_captures(seconds):
    """Random captures written by weft and read back by tshark, capinfos and tcpdump."""
    (writer,) = [path for path in executables("build", "tests/fuzz") if os.path.basename(path) == "pcapng_write"]
    make("build", [writer])
    return run_lines(["python3", "-B", "tests/fuzz/pcapng.py", writer, "--seconds", str(seconds)])


def fuzz(options):
    count = fuzz_for(FUZZ_SECONDS)
    count += fuzz_captures(FUZZ_SECONDS)
    return count


def run_benchmarks(*arguments):
    count = Count()
    paths = executables("build", "perf/micro")
    make("build", paths)
    for path in paths:
        done = subprocess.run([path, *arguments], cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        say(indent(done.stdout, 400))
        if done.returncode:
            count.failed += 1
            say(f"  FAIL {os.path.basename(path)}: ended with {done.returncode}\n{indent(done.stderr)}")
        else:
            count.passed += 1
    return count


def perf_smoke(options):
    """The micro benchmarks once, shortly: that they run. Figures are in perf/RESULTS.md."""
    return run_benchmarks("--benchmark_min_time=0.02", "--benchmark_filter=-.*1000000.*")


def long(options):
    """Headers with nothing precompiled, longer fuzzing, the large benchmarks, whole tables, many random sequences
    against the oracles, a million bogus neighbours."""
    count = run_lines(["python3", "tests/style/check.py", "--strict"])
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--rounds", "40", "-k", "bridge", "-k", "vlan", "-k", "qinq"])
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--rounds", "60", "-k", "conntrack"])  # 190,000 packets
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--rounds", "300", "-k", "route"])  # 1,020,000 packets
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--rounds", "120", "-k", "filter"])  # 20,040 rule sets, both families
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--rounds", "100", "-k", "nat"])  # 10,000 of them with translation
    count += run_lines(["python3", "-B", "tests/differential/run.py", "--suite"])
    count += run_lines(["python3", "-B", "tests/smoke/run.py", "--long", *words_of(options)])
    count += run_lines(["python3", "-B", "tests/smoke/run.py", "-k", "bogus_neighbours"], {"WEFT_BOGUS": "1000000"})
    count += run_benchmarks()
    count += fuzz_for(LONG_FUZZ_SECONDS)
    count += fuzz_captures(LONG_FUZZ_SECONDS)
    return count


SUITES = {"style": style, "unit": unit, "packet": packet, "kernel": kernel, "smoke": smoke,
          "differential": differential, "fuzz": fuzz, "sanitize": sanitize, "perf-smoke": perf_smoke, "long": long}
BY_DEFAULT = [name for name in SUITES if name != "long"]
NEED_ROOT = ("kernel", "smoke", "differential", "sanitize", "long")


def run_suite(name, options):
    """Runs one suite; whatever keeps it from running is a failure of it."""
    if name in NEED_ROOT and os.geteuid() != 0:
        say(f"  FAIL {name}: needs root (namespaces); run sudo tests/run {name}")
        return Count(failed=1)
    try:
        return SUITES[name](options)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"  FAIL {name}: {error}")
        return Count(failed=1)


def main():
    parser = argparse.ArgumentParser(prog="tests/run", description="Runs weft's test suites.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="of " + ", ".join(SUITES))
    parser.add_argument("-k", action="append", default=[], metavar="WORD", help="only tests whose name contains it")
    parser.add_argument("--since", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"no suite \"{name}\"; there are {', '.join(SUITES)}")

    total, table = Count(), [f"{'set-up and build':<16}{'':>30}{options.since:>6} s"] if options.since else []
    chosen = options.suites or BY_DEFAULT
    for name in chosen:
        say(f"== {name}")
        if name == "smoke" and "sanitize" in chosen:
            build_ahead()
        begin = time.monotonic()
        count = run_suite(name, options)
        table.append(f"{name:<16}{count.passed:>6} passed{count.failed:>4} failed{count.skipped:>4} skipped"
                     f"{time.monotonic() - begin:>6.0f} s")
        say(table[-1])
        total += count
    say("\n" + "\n".join(table))
    say(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
