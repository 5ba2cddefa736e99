// Scripts by which a shell asks keyhold for completions. The line that is being typed is passed on as it is, and never
// evaluated.

export const completedShells = ['bash', 'zsh', 'fish'] as const
export type CompletedShell = (typeof completedShells)[number]

export const shellScripts: Readonly<Record<CompletedShell, string>> = {
  bash: `# Completion of keyhold for bash. In ~/.bashrc: source <(keyhold completion bash)
_keyhold() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o default 2>/dev/null ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <(command keyhold __complete bash -- "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
}
complete -F _keyhold keyhold
`,
  zsh: `#compdef keyhold
# Completion of keyhold for zsh. In ~/.zshrc, behind compinit: source <(keyhold completion zsh)
_keyhold() {
    local line
    local -a values shown
    local -i files=0
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            files=1
        else
            values+=("\${line%%$'\\t'*}")
            shown+=("\${line/$'\\t'/  -- }")
        fi
    done < <(command keyhold __complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)
    (( \${#values} )) && compadd -l -d shown -a values
    (( files )) && _files
    (( \${#values} + files ))
}
if [[ \${funcstack[1]} == _keyhold ]]; then
    _keyhold "$@"
else
    compdef _keyhold keyhold
fi
`,
  fish: `# Completion of keyhold for fish. In ~/.config/fish/config.fish: keyhold completion fish | source
function __keyhold_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    for line in (command keyhold __complete fish -- $words "$current" 2>/dev/null </dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c keyhold -f -a '(__keyhold_complete)'
`,
}
