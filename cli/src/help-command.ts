// keyhold help a b: the help of a command that stands in a group, too.
import type { Command } from 'commander'

export function addHelpCommand(program: Command): void {
  program
    .command('help')
    .description('Explain a command.')
    .argument('[command...]', 'its words')
    .action((words: string[]) => {
      let found = program
      for (const word of words) {
        const child = found.commands.find((each) => each.name() === word || each.aliases().includes(word))
        if (child === undefined) {
          const path = words.slice(0, words.indexOf(word)).join(' ')
          return found.error(`error: there is no command ${word}${path === '' ? '' : ` in ${path}`}`)
        }
        found = child
      }
      found.outputHelp()
    })
}
