# Completion of `derive` in Bash, from 4.0 on. To have it in a shell:  source <(derive completion bash)
# To have it in all of them:  derive completion bash > ~/.local/share/bash-completion/completions/derive

# The table

_derive() { # PROGRAM, and the part of the word before the cursor that is to be replaced
    local -a words=() takes=()
    local word option='' verb='' place=1 many='' target='' named=yes text
    _derive_words
    _derive_follow
    COMPREPLY=()
    word=${words[${#words[@]} - 1]}
    if [[ $target ]]; then
        takes=(file)
        _derive_offer "$word" ''
    elif [[ $word =~ ^[0-9\&]*[\<\>]+ ]]; then
        takes=(file)
        _derive_offer "${word#"$BASH_REMATCH"}" "$BASH_REMATCH"
    elif [[ $named && $word == --*=* ]]; then
        _derive_takes "$verb" "${word%%=*}"
        _derive_offer "${word#*=}" "${word%%=*}="
    elif [[ $named && $word == -* ]]; then
        _derive_takes "$verb" -
        _derive_offer "$word" ''
    else
        _derive_takes "$verb" "${option:-$place}"
        [[ $takes || ! $named ]] || _derive_takes "$verb" - # there is nothing else
        _derive_offer "$word" ''
    fi
    # Bash replaces the word from the last of COMP_WORDBREAKS on.
    _derive_unquoted "${word%"${2-$word}"}"
    COMPREPLY=("${COMPREPLY[@]#"$text"}")
}

_derive_words() { # sets words: up to the cursor, as they were typed; Bash cuts them at = and : and @, too
    local line=${COMP_LINE:0:COMP_POINT} piece number glued=''
    for ((number = 0; number <= COMP_CWORD; number++)); do
        piece=${COMP_WORDS[number]}
        [[ $number == 0 || $line == [[:space:]]* ]] && glued='' || glued=yes
        line=${line#"${line%%[![:space:]]*}"}
        ((number < COMP_CWORD)) || piece=$line
        line=${line#"$piece"}
        if [[ $glued ]]; then
            words[${#words[@]} - 1]+=$piece
        else
            words+=("$piece")
        fi
    done
}

_derive_follow() { # sets what comes after the words before the last: verb, place, option, target, named
    local word last=$((${#words[@]} - 1))
    for word in "${words[@]:1:last-1}"; do
        if [[ $target ]]; then
            target=''
        elif [[ $word =~ ^[0-9\&]*[\<\>] ]]; then
            [[ $word =~ [\<\>\|\&]$ ]] && target=yes # else it is in the word
        elif [[ $named && $word == -- ]]; then
            named='' option=''
        elif [[ $named && $word == -?* ]]; then
            option=$word
            _derive_takes "$verb" "$option"
            [[ $takes ]] || option=''
        elif [[ $option ]]; then
            [[ $many ]] || option=''
        elif [[ $verb ]]; then
            place=$((place + 1))
        else
            verb=$word
        fi
    done
}

_derive_offer() { # WORD, and what stands before it: sets COMPREPLY to what takes says that it can become
    local candidate
    _derive_unquoted "$1"
    for candidate in "${takes[@]:1}"; do
        [[ $candidate == "$text"* ]] || continue
        COMPREPLY+=("$2$candidate")
        [[ $candidate == *[!a-zA-Z0-9_-]* ]] && compopt -o filenames 2>/dev/null # so that Bash quotes it
    done
    case ${takes-} in
        layer)
            while read -r candidate _; do
                [[ $candidate == "$text"* ]] && COMPREPLY+=("$2$candidate")
            done < <(command derive list 2>/dev/null)
            _derive_paths "$1" "$2" .layer
            ;;
        file) _derive_paths "$1" "$2" '' ;;
        python) _derive_paths "$1" "$2" .py ;;
        folder) _derive_paths "$1" "$2" / ;;
    esac
}

_derive_paths() { # WORD, what stands before it, SUFFIX: adds the folders, and the files whose names end so
    local path home='' known=" ${COMPREPLY[*]} "
    [[ $1 == \~/* ]] && home=$HOME && text=$home/${text#\~/}
    while IFS= read -r -d '' path; do
        [[ $named && $path == -* ]] && continue # it would be an option
        # A layer and a folder of one name: the folder can be had with a slash.
        if [[ -d $path && $known != *" $path "* || -e $path && ! -d $path && $path == *"$3" ]]; then
            [[ $home ]] && path=\~/${path#"$home/"}
            COMPREPLY+=("$2$path")
            compopt -o filenames 2>/dev/null # so that Bash quotes it, and puts a slash behind a folder
        fi
    done < <(shopt -u failglob && shopt -s nullglob && printf '%s\0' "$text"*)
}

_derive_unquoted() { # WORD: sets text to it without its quotes and backslashes
    local rest=$1 quote='' character
    text=''
    while [[ $rest ]]; do
        character=${rest:0:1} rest=${rest:1}
        if [[ $character == "$quote" ]]; then
            quote=''
        elif [[ ! $quote && $character == [\'\"] ]]; then
            quote=$character
        elif [[ $character == \\ && (! $quote || $quote == \" && $rest == [\"\\\$\`]*) ]]; then
            text+=${rest:0:1} rest=${rest:1}
        else
            text+=$character
        fi
    done
}

complete -F _derive derive
