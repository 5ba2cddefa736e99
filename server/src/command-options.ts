// Which options each command of `keyhold-server` knows: one that does nothing would promise something.
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  migrate: ['serve-role'],
  'create-operator-key': ['name'],
  doctor: ['integrity'],
  'doctor --accept': ['integrity', 'accept', 'yes'],
  'signing-key rotate': ['yes'],
  'confirm-restore': ['yes', 'from'],
  'integrity adopt': ['yes', 'output'],
  'integrity rotate': ['at-once'],
}

/**
 * Answers the options that the command does not know.
 *
 * @param command - its words; one that is not there knows none
 * @param given - names of options, without dashes
 */
export function unknownOptions(command: string, given: readonly string[]): string[] {
  const known = optionsOf[given.includes('accept') ? `${command} --accept` : command] ?? []
  return given.filter((name) => !known.includes(name))
}
