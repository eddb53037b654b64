"""Fails when a component includes what lies behind a wall (design: proto, engine -> index -> compress -> services ->
clients). Reads the dependency files that the compiler itself wrote, so nothing escapes by a clever include path.

    check_walls.py SOURCE_DIR BUILD_DIR     checks a Ninja build
    check_walls.py --self-test              shows that crossings are found
"""
import os
import subprocess
import sys

# Component (longest path prefix wins) -> what it may include of the tree. "gen" is what protoc made.
MAY_INCLUDE = {
    "proto": ["gen"],
    "engine/base": ["engine/base"],
    "engine": ["engine"],
    "index/text": ["engine/base", "engine/api", "index/text"],
    "index/split": ["engine/base", "engine/api", "index/text/include", "index/split"],
    "index/cache": ["engine/base", "engine/api", "index/cache"],
    "index": ["engine/base", "engine/api", "index"],
    "compress": ["engine/base", "engine/api", "index/text/include", "index/split/include", "index/cache/include", "compress"],
    "services": ["gen", "engine/base", "engine/api", "engine/include", "index/include", "index/text/include",
                 "index/split/include", "index/cache/include", "compress/include", "services"],
    # engine/include: `precis model info` reads a file's header without a server.
    # index/text: the harness's baselines are to be no weaker than the product's own sentences and BM25.
    "clients/eval": ["engine/base", "index/text/include", "clients/eval"],
    "clients": ["gen", "engine/base", "engine/api", "engine/include", "clients"],
}
# Libraries that a component may not know, by the folder under the system's include path.
MAY_NOT_KNOW = {
    "engine": ["grpcpp", "grpc", "google/protobuf", "rocksdb", "faiss"],
    "index": ["grpcpp", "grpc", "google/protobuf"],
    "compress": ["grpcpp", "grpc", "google/protobuf", "rocksdb", "faiss"],
    "clients": ["rocksdb", "faiss"],
    "clients/eval": ["grpcpp", "grpc", "google/protobuf", "rocksdb", "faiss"],
    "services": ["rocksdb", "faiss"],
}


def component_of(path, table):
    best = None
    for name in table:
        if (path == name or path.startswith(name + "/")) and (best is None or len(name) > len(best)):
            best = name
    return best


def relative(path, source, build):
    path = os.path.normpath(path if os.path.isabs(path) else os.path.join(build, path))
    if path.startswith(build + os.sep):
        inside = os.path.relpath(path, build)
        return "gen" if inside.startswith("gen" + os.sep) else None
    if path.startswith(source + os.sep):
        return os.path.relpath(path, source)
    return path


def crossings(deps, source, build):
    """deps: {object path: [included files]}. Returns sentences; the number of objects checked comes second."""
    found, checked = [], 0
    for target, files in deps.items():
        component = component_of(target, MAY_INCLUDE)
        if component is None:
            continue
        checked += 1
        allowed = MAY_INCLUDE[component]
        forbidden = MAY_NOT_KNOW.get(component_of(target, MAY_NOT_KNOW), [])
        for file in files:
            name = relative(file, source, build)
            if name is None:
                continue
            if os.path.isabs(name):
                for library in forbidden:
                    if f"/include/{library}/" in name:
                        found.append(f"{target}: {component} may not know {library} ({name})")
            elif not any(name == a or name.startswith(a + "/") for a in allowed):
                found.append(f"{target}: {component} may not include {name}")
    return sorted(set(found)), checked


def read_ninja_deps(build):
    ninja = "ninja"
    text = subprocess.run([ninja, "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    deps, files = {}, None
    for line in text.splitlines():
        if line.startswith("    "):
            if files is not None:
                files.append(line.strip())
        elif ": #deps" in line:
            target = line.split(": #deps")[0]
            files = []
            # Dependencies of objects that no longer belong to the build would be news of yesterday.
            if "(STALE)" in line:
                files = None
            else:
                deps[target] = files
    return deps


def self_test():
    source, build = "/s", "/s/build/x"
    clean = {"compress/CMakeFiles/c.dir/a.cc.o": ["/s/compress/a.cc", "/s/index/text/include/precis/text/bm25.h", "/usr/include/c++/12/string"],
             "clients/CMakeFiles/c.dir/a.cc.o": ["../../clients/cli/a.cc", "gen/precis/v1/x.pb.h", "/usr/include/grpcpp/grpcpp.h"]}
    assert crossings(clean, source, build) == ([], 2), crossings(clean, source, build)
    for target, file in [("engine/models/m.o", "/s/index/include/precis/index/index.h"),
                         ("engine/base/b.o", "/s/engine/formats/gguf.h"),
                         ("index/storage/s.o", "/s/engine/models/bert.h"),
                         ("compress/m.o", "/s/index/storage/store.h"),
                         ("compress/m.o", "gen/precis/v1/x.pb.h"),
                         ("clients/c.o", "/s/services/config/config.h"),
                         ("services/s.o", "/s/compress/methods/extractive.h"),
                         ("index/text/t.o", "/s/index/include/precis/index/types.h"),
                         ("engine/cpu/k.o", "/usr/include/grpcpp/grpcpp.h"),
                         ("compress/m.o", "/usr/include/rocksdb/db.h")]:
        found, _ = crossings({target: [file]}, source, build)
        assert len(found) == 1, (target, file, found)
    print("10 crossings found, clean ones let through")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    source, build = (os.path.realpath(p) for p in sys.argv[1:3])
    found, checked = crossings(read_ninja_deps(build), source, build)
    for sentence in found:
        print(sentence)
    print(f"{checked} objects checked, {len(found)} crossings")
    # A check of nothing would pass for ever.
    return 1 if found or checked < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
