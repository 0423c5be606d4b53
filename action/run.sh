#!/usr/bin/env bash
# What the GitHub Action runs. It asks the environment for everything (see action.yml), runs
# meshlint once, writes what the next steps need to GITHUB_OUTPUT, and ends with 0 whatever was
# found: the action's last step fails the job. It keeps to bash 3.2, which macOS has.
set -euo pipefail

main() {
    check_inputs
    local home=$RUNNER_TEMP/meshlint code=0
    local sarif=$home/meshlint.sarif summary=$home/summary.md
    mkdir -p "$home"
    rm -f "$sarif" "$summary"
    find_meshlint "$home"
    read_paths
    read_options

    "$meshlint" check \
        --format github --output - --format sarif --output "$sarif" --format markdown --output "$summary" \
        ${options[@]+"${options[@]}"} -- "${paths[@]}" || code=$?

    [[ $INPUT_SUMMARY == false || ! -s $summary ]] || cat "$summary" >>"$GITHUB_STEP_SUMMARY"
    [[ -s $sarif ]] || sarif=
    output exit-code "$code"
    output sarif-file "$sarif"
    output upload "$(wants_upload "$sarif")"
}

# read_paths: sets `paths` to the lines that are not blank, or to the working directory.
read_paths() {
    local path
    paths=()
    while IFS= read -r path; do
        path=${path%$'\r'}
        [[ -z ${path//[[:space:]]/} ]] || paths+=("$path")
    done <<<"$INPUT_PATHS"
    [[ ${#paths[@]} -gt 0 ]] || paths=(.)
}

# read_options: sets `options`; the further ones are split at spaces, and nothing in them is expanded or run.
read_options() {
    read -r -a options <<<"${INPUT_ARGS//$'\n'/ }"
    [[ -z $INPUT_CONFIG ]] || options+=("--config=$INPUT_CONFIG")
    [[ -z $INPUT_FAIL_ON ]] || options+=("--fail-on=$INPUT_FAIL_ON")
}

check_inputs() {
    one_of fail-on "$INPUT_FAIL_ON" "" error warning note never
    one_of upload-sarif "$INPUT_UPLOAD_SARIF" auto true false
    one_of summary "$INPUT_SUMMARY" true false
    if [[ ! $INPUT_VERSION =~ ^(installed|[0-9]+(\.[0-9]+)*([abc.]|rc|dev|post)?[0-9]*)?$ ]]; then
        refuse "version: not a version: '$INPUT_VERSION'"
    fi
}

# one_of INPUT VALUE CHOICE...
one_of() {
    local name=$1 value=$2 choice
    shift 2
    for choice; do
        [[ $value != "$choice" ]] || return 0
    done
    refuse "$name: '$value' is none of: $*"
}

# find_meshlint HOME: sets `meshlint`; installs it below HOME, apart from what the job has, unless it is there.
find_meshlint() {
    meshlint=meshlint
    if [[ $INPUT_VERSION == installed ]]; then
        command -v meshlint >/dev/null || refuse "version: no meshlint is installed"
        return
    fi
    local home=$1 source=$GITHUB_ACTION_PATH
    [[ -z $INPUT_VERSION ]] || source=meshlint==$INPUT_VERSION
    echo "::group::Install meshlint"
    install_meshlint "$home" "$source" >&2 || refuse "meshlint could not be installed: the log of this step says why"
    echo "::endgroup::"
    meshlint=$home/bin/meshlint
}

# install_meshlint HOME SOURCE: with what the runner has, at the versions that meshlint is tested with.
install_meshlint() {
    local constraints=$GITHUB_ACTION_PATH/constraints.txt
    if command -v uv >/dev/null; then
        UV_TOOL_DIR=$1/tools UV_TOOL_BIN_DIR=$1/bin uv tool install --force --constraints "$constraints" "$2"
    elif command -v pipx >/dev/null; then
        PIPX_HOME=$1/tools PIPX_BIN_DIR=$1/bin pipx install --force --pip-args="--constraint='$constraints'" "$2"
    else
        python3 -m venv "$1" && "$1/bin/python" -m pip install --quiet --constraint "$constraints" "$2"
    fi
}

# wants_upload SARIF: whether there is something to upload, and somebody who may.
wants_upload() {
    if [[ -z $1 || $INPUT_UPLOAD_SARIF == false ]]; then
        echo false
    elif [[ $INPUT_UPLOAD_SARIF == true ]] || may_upload; then
        echo true
    else
        echo false
    fi
}

# A pull request from a fork, or by Dependabot, gets a token that only reads. The head of one whose
# fork was deleted has no repository.
may_upload() {
    [[ $GITHUB_EVENT_NAME == pull_request* ]] || return 0
    [[ $HEAD_REPOSITORY == "$GITHUB_REPOSITORY" && $GITHUB_ACTOR != "dependabot[bot]" ]]
}

# output NAME VALUE: for later steps. A line break would start an output of another name.
output() {
    printf '%s=%s\n' "$1" "${2//[$'\r\n']/}" >>"$GITHUB_OUTPUT"
}

# refuse WHY: say it in the log and beside the job, and end as meshlint does if it cannot run as asked.
refuse() {
    local why=${1//'%'/%25}
    why=${why//$'\r'/%0D}
    printf '::error title=meshlint::%s\n' "${why//$'\n'/%0A}"
    output exit-code 2
    exit 0
}

main
