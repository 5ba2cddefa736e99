// The parts of the help that are about no single command.

export const environmentVariables = [
  ['KEYHOLD_URL', 'the server, as --server'],
  ['KEYHOLD_CONTEXT', 'the name of a context, where KEYHOLD_URL or the token is not set'],
  ['KEYHOLD_TOKEN', 'the access token of a tenant admin'],
  [
    'KEYHOLD_SERVICE_TOKEN',
    'the access token of a service, for encrypt and decrypt; KEYHOLD_TOKEN when it is not set',
  ],
  [
    'KEYHOLD_OPERATOR_TOKEN',
    'the access token of an operator, for tenant and api-key; KEYHOLD_TOKEN when it is not set',
  ],
] as const

/** In the order of their numbers. */
export const exitCodeMeanings = [
  ['0', 'done'],
  ['1', 'refused, failed or not completed'],
  ['2', 'the command line is wrong'],
  ['3', 'no server or token, or not usable ones'],
  ['4', 'the server cannot be reached safely'],
  ['5', 'the token is not accepted (401)'],
  ['6', "the token's role does not allow it (403)"],
  ['7', 'there is no such thing (404)'],
  ['8', 'something stands in the way (409, 412, 423, 424, 428)'],
  ['9', 'not available for now; try again (408, 429, 503)'],
  ['10', 'the server failed (other 5xx)'],
  ['130', 'interrupted'],
] as const

const nameWidth = 22
const codeWidth = 3

/** Both, as they stand under the help of the program. */
export function helpEpilogue(): string {
  const variables = environmentVariables.map(([name, effect]) => `  ${name.padEnd(nameWidth)}  ${effect}`)
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${code.padStart(codeWidth)}  ${meaning}`)
  return ['', 'Environment:', ...variables, '', 'Exit codes:', ...codes].join('\n')
}
