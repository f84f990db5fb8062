# Which Debian packages are needed for what, and how they are installed. Sourced by start, test and others.

packages_build=(
  ca-certificates cmake g++ ninja-build
  libasio-dev libcli11-dev libfmt-dev libkrb5-dev libmimalloc-dev libssl-dev nlohmann-json3-dev pkg-config)

packages_test=(
  libgmock-dev libgtest-dev openssl procps python3 python3-cryptography python3-jsonschema  # test programs and their oracles
  tcpdump tshark
  freerdp2-shadow-x11 freerdp2-x11 winpr-utils xrdp weston xauth xvfb   # real servers
  dante-server tinyproxy                                             # proxies
  faketime krb5-admin-server krb5-kdc krb5-user                      # a KDC, and one whose clock is wrong
  gss-ntlmssp python3-gssapi                                         # NTLM that is not ours
  gnutls-bin                                                         # TLS that is not OpenSSL's
  iproute2 iptables)                                                 # network faults in namespaces

packages_check=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev)

packages_bench=(libbenchmark-dev tcpdump tshark time)

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "packages are missing: run this once as root, or install sudo, or install them: ${missing[*]}" >&2
    return 3
  fi
}

missing_packages() {  # of the names given, those that are not installed; elsewhere than on Debian we trust
  command -v dpkg-query >/dev/null || return 0
  comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

ensure_packages() {  # installs what is missing; nothing is asked of the network when nothing is
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" = 0 ] && return 0
  echo "installing: ${missing[*]}" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
    -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >&2
}

# The same, and no server among them starts by itself: policy-rc.d says 101 meanwhile, and is as before after.
ensure_packages_without_starting() {
  local missing policy=/usr/sbin/policy-rc.d kept status=0
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" = 0 ] && return 0
  kept=$(mktemp)
  [ -e "$policy" ] && as_root cp -p "$policy" "$kept" && kept_one=yes || kept_one=no
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  ensure_packages "$@" || status=$?
  if [ "$kept_one" = yes ]; then as_root cp -p "$kept" "$policy"; else as_root rm -f "$policy"; fi
  rm -f "$kept"
  return "$status"
}

parallel_jobs() {  # one compiler per core, but no more than the memory holds (1.5 GB each)
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1572864)}' /proc/meminfo 2>/dev/null || echo 1)
  [ "${memory:-0}" -lt 1 ] && memory=1
  echo $((cores < memory ? cores : memory))
}

# configure PRESET [cmake options]: once, and again when the checkout has been moved.
configure() {
  local preset=$1 cache="$root/build/$1/CMakeCache.txt"
  shift
  if [ -e "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "${root:?}/build/$preset"
  fi
  if [ ! -e "$root/build/$preset/build.ninja" ] || [ "$#" -gt 0 ]; then
    (cd "$root" && cmake --preset "$preset" "$@") >&2
  fi
}

# build PRESET [TARGET…]: one build at a time per preset.
build() {
  local preset=$1
  shift
  (
    flock 9
    cd "$root" && cmake --build "build/$preset" --parallel "$(parallel_jobs)" ${1:+--target "$@"}
  ) 9>"$root/build/.$preset.lock" >&2
}
