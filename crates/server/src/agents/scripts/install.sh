#!/bin/sh
# Installs the Countersign agent on this machine, and joins the machine to the server that this script comes from.
#
# The install code comes from the environment's COUNTERSIGN_CODE. COUNTERSIGN_PREFIX and COUNTERSIGN_STATE put program and
# state elsewhere than /usr/local and /var/lib/countersign-agent: for tests, and for those who are not root.
set -eu

server=@@SERVER@@
# The server's public key; empty where its certificate is trusted as any other.
pin=@@PIN@@
# A line each: system, processor, SHA-256 of the program.
programs=@@PROGRAMS@@
vendor_form=@@VENDOR_FORM@@

prefix=${COUNTERSIGN_PREFIX:-/usr/local}
state=${COUNTERSIGN_STATE:-/var/lib/countersign-agent}
program=$prefix/bin/countersign
unit=/etc/systemd/system/countersign-agent.service
fresh=

# All of it is a function that is called in the last line: of a script that came only in part, nothing is run.
main() {
    read_language
    code=${COUNTERSIGN_CODE:-}
    talk_to=$server
    download_from=$server
    read_options "$@"
    if [ -z "$code" ] && [ ! -f "$state/identity.json" ]; then
        fail "An install code is needed, in COUNTERSIGN_CODE." "需要安装码，请通过 COUNTERSIGN_CODE 提供。"
    fi
    check_rights
    find_program
    trap 'rm -f "$fresh"' EXIT
    trap 'exit 1' HUP INT TERM
    install_program
    start_agent
}

read_language() {
    chinese=no
    case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
        zh* | ZH*) chinese=yes ;;
    esac
}

# say ENGLISH CHINESE
say() {
    if [ "$chinese" = yes ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

fail() {
    say "$@" >&2
    exit 1
}

# The vendor's form has -k=CODE, -j=HOST|HOST (where the agent talks to) and -u=HOST|HOST (where it is downloaded from).
read_options() {
    patience=
    talk_list=
    download_list=
    for option in "$@"; do
        case $vendor_form$option in
            yes-k=*) code=${option#-k=} ;;
            yes-j=*) talk_list=${option#-j=} ;;
            yes-u=*) download_list=${option#-u=} ;;
            *) fail "There is no option ${option%%=*}." "没有选项 ${option%%=*}。" ;;
        esac
    done
    if [ -n "$talk_list" ]; then talk_to=$(first_that_answers "$talk_list"); fi
    if [ -n "$download_list" ]; then download_from=$(first_that_answers "$download_list"); fi
}

# The first host of a list that answers, with the scheme of the server.
first_that_answers() {
    list=$1
    while [ -n "$list" ]; do
        host=${list%%|*}
        case $list in
            *"|"*) list=${list#*|} ;;
            *) list= ;;
        esac
        case $host in
            "") continue ;;
            http://*)
                # What the server does not do, no list of hosts may have a machine do.
                case $server in
                    http://*) url=$host ;;
                    *) fail "$host is plain HTTP, and the server is not." "$host 是明文 HTTP，而服务器不是。" ;;
                esac
                ;;
            *://*) url=$host ;;
            *) url=${server%%://*}://$host ;;
        esac
        if probe "$url/healthz" 2>/dev/null; then
            printf '%s\n' "$url"
            return
        fi
    done
    fail "None of these hosts answers: $1" "以下主机均无响应：$1"
}

check_rights() {
    if [ -n "${COUNTERSIGN_PREFIX:-}" ] && [ -n "${COUNTERSIGN_STATE:-}" ]; then
        return
    fi
    if [ "$(id -u)" != 0 ]; then
        fail "Run this as root, or set COUNTERSIGN_PREFIX and COUNTERSIGN_STATE to places of your own." \
            "请以 root 身份运行，或将 COUNTERSIGN_PREFIX 和 COUNTERSIGN_STATE 设为自己的目录。"
    fi
}

# What this machine is, in the words of the list, and the hash of its program.
find_program() {
    os=$(uname -s | tr '[:upper:]' '[:lower:]')
    case $os in
        darwin) os=macos ;;
    esac
    architecture=$(uname -m)
    case $architecture in
        amd64) architecture=x86_64 ;;
        arm64) architecture=aarch64 ;;
        i?86) architecture=x86 ;;
        armv*) architecture=arm ;;
    esac
    hash=$(printf '%s\n' "$programs" | while read -r on for_processor sum; do
        if [ "$on $for_processor" = "$os $architecture" ]; then printf '%s\n' "$sum"; fi
    done)
    if [ -z "$hash" ]; then
        say "The server has no program for $os $architecture. It has:" "服务器没有适用于 $os $architecture 的程序，仅有：" >&2
        printf '%s\n' "$programs" | while read -r on for_processor _; do printf '  %s %s\n' "$on" "$for_processor"; done >&2
        exit 1
    fi
}

# probe URL: whether it answers, within a quarter of a minute.
probe() {
    patience=15
    fetch "$1" /dev/null
}

# fetch URL FILE. What comes at less than a byte a second for half a minute is given up, so that a host that accepts and says
# nothing holds nobody up.
fetch() {
    if command -v curl >/dev/null 2>&1; then
        set -- "$1" "$2" --connect-timeout 15 --speed-limit 1 --speed-time 30 ${patience:+--max-time "$patience"}
        if [ -n "$pin" ]; then set -- "$@" -k --pinnedpubkey "$pin"; fi
        url_of=$1
        file_of=$2
        shift 2
        curl -fsS "$@" -o "$file_of" "$url_of" </dev/null
    elif command -v wget >/dev/null 2>&1; then
        if [ -n "$pin" ]; then
            # Not every wget knows pins. What comes is held against its hash, which came with this script.
            wget -q -T "${patience:-30}" --no-check-certificate -O "$2" "$1" </dev/null
        else
            wget -q -T "${patience:-30}" -O "$2" "$1" </dev/null
        fi
    else
        fail "curl or wget is needed." "需要 curl 或 wget。"
    fi
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum <"$1" | cut -d ' ' -f 1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 <"$1" | cut -d ' ' -f 1
    elif command -v openssl >/dev/null 2>&1; then
        openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
    else
        fail "sha256sum, shasum or openssl is needed." "需要 sha256sum、shasum 或 openssl。"
    fi
}

# The program takes its place only once the machine has joined: where it may not, nothing is left behind.
install_program() {
    mkdir -p "$prefix/bin"
    fresh=$(mktemp "$prefix/bin/.countersign.XXXXXX")
    file=countersign-$os-$architecture
    if ! fetch "$download_from/agents/$file" "$fresh"; then
        fail "Could not download $download_from/agents/$file" "无法下载 $download_from/agents/$file"
    fi
    if [ "$(sha256 "$fresh")" != "$hash" ]; then
        fail "What was downloaded is not what the server announced. Nothing was installed." \
            "下载的内容与服务器公布的不一致，未安装任何内容。"
    fi
    chmod 755 "$fresh"
    # The code goes by the environment: arguments can be read by every user of the machine.
    plain=
    case $talk_to in http://*) plain=--plain-http ;; esac
    COUNTERSIGN_CODE=$code "$fresh" agent join --server "$talk_to" ${pin:+--pin "$pin"} $plain --state "$state" </dev/null
    mv -f "$fresh" "$program"
}

start_agent() {
    if [ -n "${COUNTERSIGN_PREFIX:-}${COUNTERSIGN_STATE:-}" ] || [ ! -d /run/systemd/system ]; then
        say "Installed. Have this started with the machine: $program agent run --state $state" \
            "已安装。请设为随机器启动：$program agent run --state $state"
        return
    fi
    cat >"$unit" <<'END'
[Unit]
Description=Countersign agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/countersign agent run --state /var/lib/countersign-agent
Restart=on-failure
RestartSec=10
# Sent away by the server: a start would not help.
RestartPreventExitStatus=3
StateDirectory=countersign-agent
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateTmp=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
END
    chmod 644 "$unit"
    systemctl daemon-reload
    systemctl enable --quiet countersign-agent.service
    systemctl restart countersign-agent.service
    say "Installed; the service countersign-agent runs." "已安装，服务 countersign-agent 正在运行。"
}

main "$@"
