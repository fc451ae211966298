# Completion of `derive` in fish. To have it:  derive completion fish > ~/.config/fish/completions/derive.fish

function __derive_place # the command, and which of its places comes next; only the command where a value comes
    set -l words (commandline -opc)
    set -e words[1]
    set -l verb ''
    set -l place 1
    set -l due ''
    set -l named yes
    for word in $words
        if test -n "$named" -a "$word" = --
            set named ''
            set due ''
        else if test -n "$named"; and string match -q -- '-?*' $word
            set due (__derive_takes "$verb" $word)
        else if test -n "$due"
            test "$due" = one; and set due ''
        else if test -n "$verb"
            set place (math $place + 1)
        else
            set verb $word
        end
    end
    test -n "$due"; and set place ''
    echo "$verb $place"
end

function __derive_in # COMMAND: whether the word before the cursor belongs to it
    string match -q -- "$argv[1] *" (__derive_place)
end

function __derive_at # COMMAND PLACE [many]: whether that is what comes next
    set -l found (string split ' ' -- (__derive_place))
    test "$found[1]" = "$argv[1]"; or return 1
    test -n "$found[2]"; or return 1
    test $found[2] = $argv[2]; or test "$argv[3]" = many -a $found[2] -gt $argv[2]
end

function __derive_layers # the layers, each with its summary, and what is a layer by its file
    command -q derive; and command derive list 2>/dev/null | string replace -r ' +' \t
    __derive_paths .layer
end

function __derive_paths # SUFFIX: the folders, and the files whose names end so
    set -l text (commandline -ct | string replace -r '^--[^=]*=' '' | string unescape)
    set -l home ''
    if string match -q '~/*' -- $text
        set home $HOME
        set text $home(string sub -s 2 -- $text)
    end
    for path in $text*
        string match -q -- '-*' $path; and continue # it would be an option
        set -l shown $path
        test -n "$home"; and set shown '~'(string sub -s (math (string length -- $home) + 1) -- $path)
        if test -d $path
            echo $shown/
        else if string match -q -- "*$argv[1]" $path
            echo $shown
        end
    end
end

# The table
