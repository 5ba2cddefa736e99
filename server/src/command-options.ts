// Which options each command of `keyhold-server` knows: one that does nothing would promise something.
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  serve: ['replicas'],
  migrate: ['serve-role'],
  'create-operator-key': ['name', 'expires-in'],
  'unused-api-keys': ['days'],
  doctor: ['integrity', 'strict', 'json'],
  'doctor --integrity': ['integrity'],
  'check-config': ['json'],
  'doctor --accept': ['integrity', 'accept', 'yes'],
  'signing-key rotate': ['yes'],
  'issuer rotate': ['now', 'yes'],
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
  const known = optionsOf[formOf(command, given)] ?? []
  return given.filter((name) => !known.includes(name))
}

/** Some options make another command of one. */
function formOf(command: string, given: readonly string[]): string {
  const option = ['accept', 'integrity'].find(
    (each) => given.includes(each) && Object.hasOwn(optionsOf, `${command} --${each}`),
  )
  return option === undefined ? command : `${command} --${option}`
}
