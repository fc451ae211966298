#compdef derive
# Completion of `derive` in zsh. To have it, after `compinit`:  source <(derive completion zsh)
# Or, in a folder of $fpath:  derive completion zsh > FOLDER/_derive

# The table

_derive_layers() {
    _alternative \
        'layers:built-in layer:_derive_built_in' \
        'files:layer file:_path_files -g "[^-]*.layer(-.) [^-]*(-/)"'
}

_derive_built_in() {
    setopt localoptions extendedglob
    local -a layers=(${(f)"$(command derive list 2>/dev/null)"})
    layers=(${layers/ ##/:}) # "name   summary" as _describe reads it
    _describe -t layers 'built-in layer' layers "$@"
}

_derive_options() { # ..., -- OPTIONS: what can come after the values of an option that takes many
    [[ $PREFIX == -* ]] && compadd "$@"
}

_derive() {
    local context state line curcontext=$curcontext
    typeset -A opt_args
    _derive_arguments ''
}

# As a file of $fpath this is the body of the function itself.
if [[ $funcstack[1] == _derive ]]; then
    _derive "$@"
else
    compdef _derive derive
fi
