"""Style: what can be checked of the layers, the headers, the format and the words. No build needed."""

import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(TOP)

TOP_LEVEL = {"meson.build", "meson_options.txt", "dataplane", "control", "include", "conf", "tests", "perf",
             "README.md", "LICENSE"}
# Words that say "unfinished" and paths of a developer's machine, put together here so as not to find this file.
WORDS = ["TO" + "DO", "FIX" + "ME", "X" + "XX:", "/wo" + "rk/", "/ho" + "me/"]
failures = 0


def tracked(*suffixes):
    """Files git knows or would add; without git (an unpacked archive) all files outside build folders."""
    done = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "-co", "--exclude-standard"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = done.stdout.splitlines() if done.returncode == 0 else [
        os.path.relpath(os.path.join(folder, name), TOP) for folder, _, files in os.walk(TOP) for name in files
        if not os.path.relpath(folder, TOP).startswith("build")]
    return sorted(name for name in names if name.endswith(suffixes or ("",)) and os.path.isfile(name))


def report(name, problems):
    global failures
    if problems:
        failures += 1
        print(f"FAIL {name}: {len(problems)} found")
        for problem in problems[:40]:
            print("    " + problem)
    else:
        print(f"ok {name}")
    sys.stdout.flush()


def lines_of(name):
    with open(name, errors="replace") as file:
        return list(enumerate(file, 1))


def includes(name):
    for number, line in lines_of(name):
        found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if found:
            yield number, found.group(1)


def layer_of(path):
    if path.startswith(("include/weft/", "weft/")):
        return "include"
    if path.startswith("control/publish/"):
        return "publish"
    return path.split("/")[0]


def check_layers():
    """include/weft knows neither plane; the planes meet only in control/publish."""
    forbidden = {"include": {"dataplane", "control", "publish"}, "dataplane": {"control", "publish"},
                 "control": {"dataplane"}, "publish": set()}
    problems = []
    for name in tracked(".hpp", ".cpp"):
        for number, target in includes(name):
            beside = os.path.normpath(os.path.join(os.path.dirname(name), target))
            target = beside if target.startswith(".") else target
            if layer_of(target) in forbidden.get(layer_of(name), set()):
                problems.append(f"{name}:{number} includes {target}")
    report("layers", problems)


def compile_flags():
    names = ["libdpdk", "libnl-3.0", "libnl-route-3.0", "libnftables", "fmt"]
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", *names], text=True, check=True,
                                       stdout=subprocess.PIPE).stdout)
    flags = ["-isystem" + flag[2:] if flag.startswith("-I") else flag for flag in flags]
    return ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-interference-size", *flags,
            "-march=native", "-DALLOW_EXPERIMENTAL_API", "-Iinclude", "-I."]


# What costs most to read of what headers include. DPDK's own configuration comes first, as it does in a build.
HEAVY = ("rte_config.h", "fmt/format.h", "rte_ethdev.h", "rte_mbuf.h", "algorithm", "functional", "map", "memory",
         "optional", "span", "string", "variant", "vector")


def precompiled(folder, flags):
    """Flags that read those headers at once."""
    heavy = os.path.join(folder, "heavy.hpp")
    with open(heavy, "w") as file:
        file.writelines(f"#include <{name}>\n" for name in HEAVY)
    at = flags.index("rte_config.h")
    plain = flags[:at - 1] + flags[at + 1:]  # what is precompiled must be the first that is read
    subprocess.run(["g++", "-x", "c++-header", *plain, heavy, "-o", heavy + ".gch"], check=True)
    return ["-include", heavy, "-Winvalid-pch", *flags]


def check_headers():
    """Every header compiles alone; but for the standard library's and the like, which are there, unless --strict."""
    with tempfile.TemporaryDirectory() as folder:
        flags = compile_flags()
        if "--strict" not in sys.argv:
            flags = precompiled(folder, flags)

        def alone(name):
            done = subprocess.run(["g++", "-fsyntax-only", "-x", "c++", *flags, "-include", name, "/dev/null"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            first = next((line for line in done.stdout.splitlines() if "error" in line), done.stdout[:200])
            return None if done.returncode == 0 else f"{name}: {first}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            report("headers alone", [problem for problem in pool.map(alone, tracked(".hpp")) if problem])


def check_format():
    names = tracked(".hpp", ".cpp")
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *names], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    report("format", [line for line in done.stdout.splitlines() if "error:" in line]
           or ([done.stdout] if done.returncode else []))


def check_top_level():
    entries = {name.split("/")[0] for name in tracked()}
    report("top level", [f"{entry} does not belong there" for entry in sorted(entries)
                         if entry not in TOP_LEVEL and not entry.startswith(".")])


def check_byte_order():
    problems = [f"{name}:{number} {line.strip()}" for name in tracked(".hpp", ".cpp")
                if not name.startswith("include/weft/net/") for number, line in lines_of(name)
                if re.search(r"\b(htons|ntohs|htonl|ntohl|rte_cpu_to_be_\d+|rte_be_to_cpu_\d+)\b", line)]
    report("byte order is a type", problems)


def check_words():
    problems = [f"{name}:{number} contains \"{word}\"" for name in tracked()
                if not name.startswith("tests/fuzz/corpus/")
                for number, line in lines_of(name) for word in WORDS if word in line]
    report("words", problems)


def check_case_ids():
    """Ids of tests/cases are unique over all its tables; each is named in a test program, or with a reason in a .md beside."""
    seen, problems = {}, []
    for name in tracked(".tsv"):
        if name.startswith("tests/cases/"):
            for number, line in lines_of(name):
                if line.strip() and not line.startswith("#"):
                    if (key := line.split("\t")[0]) in seen:
                        problems.append(f"{name}:{number} {key} is also at {seen[key]}")
                    seen[key] = f"{name}:{number}"
    text = {suffix: "" for suffix in (".cpp", ".hpp", ".py", ".md")}
    for name in tracked(*text):
        if name.startswith("tests/"):
            with open(name, errors="replace") as file:
                text[os.path.splitext(name)[1]] += file.read()
    # Of a test's name: U12_1 is U12.1.
    words = set(re.findall(r"(?<![A-Za-z0-9])[A-Z]\d+(?:[._]\d+)?[a-z]?\d?(?![A-Za-z0-9])", "\n".join(text.values())))
    words = {word.replace("_", ".") for word in words} | {word.split("_")[0].split(".")[0] for word in words}
    problems += [f"{place}: no test names {key}" for key, place in seen.items() if key not in words]
    tests = {f"{suite}.{test}" for suite, test in re.findall(r"\bTEST(?:_P|_F)?\((\w+),\s*(\w+)\)", text[".cpp"])}
    problems += [f"tests/cases: there is no test {test}" for test in re.findall(r"`(\w+Test\.\w+)`", text[".md"])
                 if test not in tests]
    report("case ids", problems)


def check_executables():
    """What the README tells to run can be run."""
    report("commands", [f"{name} is missing or not executable" for name in ("conf/setup", "conf/demo", "tests/run",
                                                                            ".ci/run") if not os.access(name, os.X_OK)])


def check_python():
    """Names that nobody defines or imports, and those that nobody uses."""
    programs = [name for name in tracked() if "." not in os.path.basename(name) and "python3" in next(iter(lines_of(name)), (0, ""))[1]]
    done = subprocess.run(["pyflakes3", *tracked(".py"), *programs], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    report("python", done.stdout.splitlines())


for check in (check_python, check_layers, check_top_level, check_byte_order, check_words, check_case_ids, check_executables,
              check_format, check_headers):
    check()
sys.exit(1 if failures else 0)
