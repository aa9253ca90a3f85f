#!/bin/sh
# torch.set_num_threads(1) does not make PyTorch's matrix products run on one thread.
#
# Versions: Debian 12's python3-torch 1.13.1+dfsg-4 with libopenblas0-pthread 0.3.21+ds-4.
# Guess: PyTorch documents it as "the number of threads used for intraop parallelism on CPU", so after
#   torch.set_num_threads(1) everything runs on one thread; torch.get_num_threads() says 1, too.
# Seen: OpenBLAS, built with threads of its own, is not told. It keeps as many as there are cores, and a product uses
#   them all. Only OPENBLAS_NUM_THREADS (or OMP_NUM_THREADS, when the process starts) sets them. So a measurement "with
#   one thread" may be one with all cores, and 1 of PyTorch with several of OpenBLAS is a setting of its own.
# Output, on two cores:
#   python3-torch 1.13.1+dfsg-4
#   libopenblas0-pthread 0.3.21+ds-4
#   torch.get_num_threads() 1, OpenBLAS has 2, threads that a product used: 2
#   with OPENBLAS_NUM_THREADS=1: torch.get_num_threads() 1, OpenBLAS has 1, threads that a product used: 1
#
# Needs Debian 12, two cores and its package archive (90 MB); root is not needed, nothing is installed, and the temporary
# folder is removed. Exit 0: as said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
[ "$(cut -d. -f1 /etc/debian_version 2>/dev/null)" = 12 ] || cannot "this is not Debian 12."
[ "$(nproc)" -ge 2 ] || cannot "there is one core."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial" "$folder/root"
# Lists and archives in the folder, as if nothing were installed.
apt() {
  apt-get -qq -o Dir::State="$folder/state" -o Dir::State::status=/dev/null -o Dir::Cache="$folder/cache" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User= "$@" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; cannot "apt-get failed."; }
}
apt update
apt install -y --no-install-recommends --download-only python3-torch=1.13.1+dfsg-4 libopenblas0-pthread=0.3.21+ds-4
for package in "$folder"/cache/archives/*.deb; do
  case ${package##*/} in
    libc6_* | base-files_*) ;; # Those of the system.
    *) dpkg-deb -x "$package" "$folder/root" ;;
  esac
done

lib="$folder/root/usr/lib/x86_64-linux-gnu"
cat >"$folder/threads.py" <<'EOF'
import ctypes, os, torch

torch.set_num_threads(1)
library = ctypes.CDLL(torch._C.__file__)  # And what it is linked to.

def ticks():  # Processor time of each thread.
    def of(thread):
        with open(f"/proc/self/task/{thread}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    return {thread: of(thread) for thread in os.listdir("/proc/self/task")}

a = torch.randn(1500, 1500)
before = ticks()
used = {}
while sum(used.values()) < 200:  # Two seconds of processor time.
    a @ a
    used = {thread: after - before.get(thread, 0) for thread, after in ticks().items()}
busy = sum(1 for each in used.values() if each > 0.1 * max(used.values()))
print(f"torch.get_num_threads() {torch.get_num_threads()}, OpenBLAS has {library.openblas_get_num_threads()}, "
      f"threads that a product used: {busy}")
EOF
run() {
  env -u OMP_NUM_THREADS -u OPENBLAS_NUM_THREADS -u GOTO_NUM_THREADS "$@" \
    LD_LIBRARY_PATH="$lib/openblas-pthread:$lib:$folder/root/lib/x86_64-linux-gnu" PYTHONHOME="$folder/root/usr" \
    PYTHONPATH="$folder/root/usr/lib/python3/dist-packages" "$folder/root/usr/bin/python3.11" "$folder/threads.py"
}
for name in python3-torch libopenblas0-pthread; do dpkg-deb -W "$folder/cache/archives/$name"_*.deb; done
cores=$(nproc)
seen=$(run)
one=$(run OPENBLAS_NUM_THREADS=1)
echo "$seen"
echo "with OPENBLAS_NUM_THREADS=1: $one"
expected() { echo "torch.get_num_threads() 1, OpenBLAS has $1, threads that a product used: $1"; }
if [ "$seen" = "$(expected "$cores")" ] && [ "$one" = "$(expected 1)" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
