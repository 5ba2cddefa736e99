/** Whether a line of a replica's log tells of a failure of Keyhold itself, which nothing from outside explains. */
export function isProblem(line: string): boolean {
  // Experiments take the database away.
  if (line.includes('"msg":"the database is lost"')) return false
  return /ERR_INTERNAL|"level":(50|60)/.test(line)
}
