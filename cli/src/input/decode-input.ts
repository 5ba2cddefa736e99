// Text that a person gives to a command, and the refusal of what is none.
import { decodeText } from '@keyhold/core/decode-text'
import { CliError } from '../errors/cli-error.ts'

/**
 * @param name - of the file, for errors; `-` is standard input
 * @throws CliError `usage` with `ERR_CLI_FILE` for what `decodeText` does not take
 */
export function decodeInput(bytes: Uint8Array, name: string): string {
  try {
    return decodeText(bytes)
  } catch (cause) {
    const place = name === '-' ? 'standard input' : name
    const why = cause instanceof Error ? cause.message : ''
    throw new CliError('usage', 'ERR_CLI_FILE', `${place} ${why}`, { cause, hint: 'save it as UTF-8' })
  }
}
