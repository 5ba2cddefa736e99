// Runs TypeScript as an application does, on the application's file and on every declaration of the packed client.
import { join } from 'node:path'
import ts from 'typescript'

const types = join(import.meta.dirname, '../../../node_modules/@types')

/** One line for each problem. TypeScript's libraries and Node's types are not checked. */
export function typeProblems(file: string, options: ts.CompilerOptions): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    typeRoots: [types],
    types: [],
    ...options,
  })
  const checked = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName === file || fileName.includes('/node_modules/@keyhold/'))
  if (checked.length < 2) return ['the client was not found']
  return [
    ...program.getOptionsDiagnostics(),
    ...checked.flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]),
  ].map(
    ({ file: place, messageText }) =>
      `${place?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  )
}
