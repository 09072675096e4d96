# Functions of the four download scripts. To be sourced, not run:  source datasets/fetch.sh
#
# A download goes to a *.partial file, which is checked and then renamed. After any fault the script
# prints the reason, removes its files, and exits with code 1.

# I2I_MIRROR names another server with the same folders, such as http://127.0.0.1:8000.
FETCH_BASE=${I2I_MIRROR:-https://efrosgans.eecs.berkeley.edu}
FETCH_BASE=${FETCH_BASE%/}
FETCH_LARGEST=20000000  # KiB; the largest published file, edges2handbags.tar.gz, has 8 GB
FETCH_ROOT=$(dirname "${BASH_SOURCE[0]}")

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

# find_python: sets PYTHON to a Python that can check the download.
find_python() {
    for PYTHON in "$FETCH_ROOT/../.venv/bin/python" python3 python; do
        if "$PYTHON" -IS -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            return
        fi
    done
    fail "Python 3.10 or newer was not found; it checks and unpacks the download"
}

# accept KIND SOURCE TARGET: verifies $PARTIAL and moves it or its content to TARGET.
accept() {
    "$PYTHON" "$FETCH_ROOT/accept_download.py" "$1" "$2" "$PARTIAL" "$3"
}

# clean_up_at_exit FOLDER: makes FOLDER; at exit removes the partial files of this run, and FOLDER
# if this run made it and it is empty.
clean_up_at_exit() {
    FETCH_FOLDER=$1
    FETCH_MADE_FOLDER=
    [[ -d $1 ]] || FETCH_MADE_FOLDER=yes
    mkdir -p "$1"
    PARTIAL=$1/$NAME.$$.partial
    UNPACKED=$1/$NAME.$$.unpacked.partial  # of accept_download.py
    trap 'rm -rf "$PARTIAL" "$UNPACKED"
          [[ -z $FETCH_MADE_FOLDER ]] || rmdir "$FETCH_FOLDER" 2>/dev/null || true' EXIT
}

# limited COMMAND...: runs it; a file that grows beyond FETCH_LARGEST ends it.
limited() (
    ulimit -f "$FETCH_LARGEST" 2>/dev/null || true  # not on every system
    "$@"
)

# download PATH_ON_SERVER: downloads to $PARTIAL; plain http only if I2I_MIRROR begins with http:.
download() {
    local url=$FETCH_BASE/$1 code=0
    echo "fetching $url"
    if command -v curl >/dev/null; then
        local protocols='=https'
        [[ $FETCH_BASE == https:* ]] || protocols='=http,https'
        # Stop if the server sends less than 1000 bytes a second for a minute.
        limited curl --fail --location --silent --show-error --proto "$protocols" --retry 3 \
            --connect-timeout 30 --speed-limit 1000 --speed-time 60 --output "$PARTIAL" "$url" || code=$?
    elif command -v wget >/dev/null; then
        local redirects=0  # wget would follow redirects from https to plain http
        [[ $FETCH_BASE == https:* ]] || redirects=20
        # --timeout limits the DNS lookup, the connection, and pauses in the transfer.
        limited wget --no-verbose --tries=3 --timeout=30 --max-redirect="$redirects" \
            --output-document="$PARTIAL" "$url" || code=$?
    else
        fail "neither curl nor wget is installed; install one of them"
    fi
    [[ $code == 0 ]] || fail "$url could not be fetched (code $code). Check the network, or use" \
        "another server with the same folders: I2I_MIRROR=https://host bash $0 $NAME"
    [[ -s $PARTIAL ]] || fail "$url is empty"
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
    find_python
    clean_up_at_exit ./datasets
    download "$1/$NAME.$2"
    accept data "$1/$NAME.$2" "$target"
}

# fetch_model FOLDER_ON_SERVER: ./checkpoints/NAME_pretrained/latest_net_G.pth
fetch_model() {
    local target=./checkpoints/${NAME}_pretrained/latest_net_G.pth
    find_python
    clean_up_at_exit ./checkpoints
    [[ -f $target ]] || download "$1/$NAME.pth"
    accept weights "$1/$NAME.pth" "$target"
}
