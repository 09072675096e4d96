# Functions of the four download scripts. To be sourced, not run:  source datasets/fetch.sh
#
# A download goes to a *.partial file, which is checked and then renamed. After any fault the script
# prints the reason, removes its files, and exits with code 1.

# I2I_MIRROR names another server with the same folders, such as http://127.0.0.1:8000.
FETCH_BASE=${I2I_MIRROR:-https://efrosgans.eecs.berkeley.edu}
FETCH_BASE=${FETCH_BASE%/}
FETCH_SMALLEST_MODEL=1000000  # bytes; the smallest published generator has about 40 MB

fail() {
    echo "error: $*" >&2
    exit 1
}

# choose_name USAGE NAMES [ARGUMENT...]: sets NAME; exits with 0 after --help, with 2 if unknown.
choose_name() {
    local usage=$1 names=$2 known
    shift 2
    if [[ ${1:-} == --help || ${1:-} == -h ]]; then
        printf '%s\nNAME is one of:\n' "$usage"
        printf '  %s\n' $names
        exit 0
    fi
    if [[ $# == 1 ]]; then
        for known in $names; do
            if [[ $known == "$1" ]]; then
                NAME=$1
                return
            fi
        done
    fi
    {
        [[ $# == 1 ]] && echo "error: '$1' is not in the list" || echo "error: give one name"
        printf '%s\nNAME is one of:\n' "$usage"
        printf '  %s\n' $names
    } >&2
    exit 2
}

# refuse_cityscapes: fails with an explanation if NAME is cityscapes.
refuse_cityscapes() {
    [[ $NAME != cityscapes ]] || fail "the licence of Cityscapes does not allow others to distribute it." \
        "Get gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip from" \
        "https://www.cityscapes-dataset.com, then run datasets/prepare_cityscapes_dataset.py"
}

# clean_up_at_exit FOLDER: makes FOLDER; at exit removes the partial files of this run, and FOLDER
# if this run made it and it is empty.
clean_up_at_exit() {
    FETCH_FOLDER=$1
    FETCH_MADE_FOLDER=
    [[ -d $1 ]] || FETCH_MADE_FOLDER=yes
    mkdir -p "$1"
    PARTIAL=$1/$NAME.$$.partial
    UNPACKED=$1/$NAME.$$.unpacked.partial
    trap 'rm -rf "$PARTIAL" "$UNPACKED"
          [[ -z $FETCH_MADE_FOLDER ]] || rmdir "$FETCH_FOLDER" 2>/dev/null || true' EXIT
}

# download PATH_ON_SERVER: downloads to $PARTIAL; plain http only if I2I_MIRROR begins with http:.
download() {
    local url=$FETCH_BASE/$1 code=0
    echo "fetching $url"
    if command -v curl >/dev/null; then
        local protocols='=https'
        [[ $FETCH_BASE == https:* ]] || protocols='=http,https'
        # Stop if the server sends less than 1000 bytes a second for a minute.
        curl --fail --location --silent --show-error --proto "$protocols" --retry 3 \
            --connect-timeout 30 --speed-limit 1000 --speed-time 60 --output "$PARTIAL" "$url" || code=$?
    elif command -v wget >/dev/null; then
        local redirects=0  # wget would follow redirects from https to plain http
        [[ $FETCH_BASE == https:* ]] || redirects=20
        # --timeout limits the DNS lookup, the connection, and pauses in the transfer.
        wget --no-verbose --tries=3 --timeout=30 --max-redirect="$redirects" \
            --output-document="$PARTIAL" "$url" || code=$?
    else
        fail "neither curl nor wget is installed; install one of them"
    fi
    [[ $code == 0 ]] || fail "$url could not be fetched (code $code). Check the network, or use" \
        "another server with the same folders: I2I_MIRROR=https://host bash $0 $NAME"
    [[ -s $PARTIAL ]] || fail "$url is empty"
}

# require_safe_entries NAMES MODES (one entry per line): refuses links and paths outside the folder.
# Here-strings, not pipes: grep -q ends early, and pipefail would report a broken pipe.
require_safe_entries() {
    if grep -Eq '(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:' <<<"$1"; then
        fail "the archive of $NAME holds absolute paths or '..'; not unpacked"
    fi
    if grep -Eq '^[lhbcps]' <<<"$2"; then
        fail "the archive of $NAME holds links or devices; not unpacked"
    fi
}

unpack_zip() {
    command -v unzip >/dev/null || fail "unzip is not installed"
    unzip -tqq "$PARTIAL" >/dev/null 2>&1 || fail "$NAME.zip is damaged or cut short; try again"
    local names modes
    # Lines of `unzip -Z -s` that describe an entry start with its mode, as in ls -l.
    names=$(unzip -Z1 "$PARTIAL") && modes=$(unzip -Z -s "$PARTIAL") ||
        fail "the entries of $NAME.zip cannot be listed, so they cannot be checked; not unpacked"
    require_safe_entries "$names" "$modes"
    unzip -qq "$PARTIAL" -d "$UNPACKED" || fail "$NAME.zip could not be unpacked; is the disk full?"
}

unpack_tar() {
    local names modes
    names=$(tar -tzf "$PARTIAL" 2>/dev/null) && modes=$(tar -tvzf "$PARTIAL") ||
        fail "$NAME.tar.gz is damaged or cut short; try again"
    require_safe_entries "$names" "$modes"
    mkdir "$UNPACKED"
    tar -xzf "$PARTIAL" -C "$UNPACKED" --no-same-owner ||
        fail "$NAME.tar.gz could not be unpacked; is the disk full?"
}

# fetch_dataset FOLDER_ON_SERVER EXTENSION LAYOUT: ./datasets/NAME from an archive (zip or tar.gz).
# LAYOUT is a folder that only the wanted set has: train in paired, trainA in unpaired sets.
fetch_dataset() {
    local target=./datasets/$NAME
    if [[ -d $target ]]; then
        [[ ($NAME != facades && $NAME != maps) || -d $target/$3 ]] ||
            fail "$target exists without $3: it is another set of this name; rename it first"
        echo "$target exists already; remove it to fetch it again"
        exit 0
    fi
    clean_up_at_exit ./datasets
    download "$1/$NAME.$2"
    if [[ $2 == zip ]]; then unpack_zip; else unpack_tar; fi
    rm -rf "$UNPACKED/__MACOSX"  # resource forks, not images
    if [[ $(ls -A "$UNPACKED") == "$NAME" ]]; then
        mv "$UNPACKED/$NAME" "$target"
    else
        mv "$UNPACKED" "$target"
    fi
    echo "$target: $(find "$target" -type f | wc -l | tr -d ' ') files"
}

# fetch_model FOLDER_ON_SERVER: ./checkpoints/NAME_pretrained/latest_net_G.pth
fetch_model() {
    local target=./checkpoints/${NAME}_pretrained/latest_net_G.pth
    if [[ -f $target ]]; then
        echo "$target exists already; remove it to fetch it again"
        exit 0
    fi
    clean_up_at_exit ./checkpoints
    download "$1/$NAME.pth"
    local magic size
    magic=$(head -c 2 "$PARTIAL" | od -An -tx1 | tr -d ' \n')
    size=$(wc -c <"$PARTIAL" | tr -d ' ')
    # torch.save writes a zip archive (PK) since 1.6; before, a pickle of protocol 2 (80 02).
    [[ $magic == 504b || $magic == 8002 ]] || fail "$NAME.pth is no torch file (starts with $magic)"
    ((size > FETCH_SMALLEST_MODEL)) || fail "$NAME.pth has only $size bytes; try again"
    if [[ $magic == 504b ]] && command -v unzip >/dev/null; then
        unzip -tqq "$PARTIAL" >/dev/null 2>&1 || fail "$NAME.pth is damaged or cut short; try again"
    fi
    mkdir -p "${target%/*}"
    mv "$PARTIAL" "$target"
    echo "$target: $size bytes"
}
