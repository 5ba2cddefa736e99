// The options of files and streams.
import { functionReader, readFlag, readSignal } from '../../checks/option-readers.ts'
import { readContext } from '../../checks/read-context.ts'
import { optional } from '../../checks/read-members.ts'
import { wrongMember } from '../../checks/wrong-member.ts'
import type { Context, SignalOption } from '../../value-cipher.ts'

export interface StreamOptions extends SignalOption {
  context?: Context
}

export interface FileOptions extends StreamOptions {
  /** Replaces a target that exists. Default false: it is refused. */
  overwrite?: boolean
  /** Called now and then with the bytes of the source that are done. An error that it throws ends the call. */
  onProgress?: (bytes: number) => void
}

export const signalReaders = { signal: optional(readSignal) } as const

export const streamReaders = { context: optional(readContext), ...signalReaders } as const

export const fileReaders = {
  ...streamReaders,
  overwrite: optional(readFlag),
  onProgress: optional(readProgress),
} as const

function readProgress(value: unknown, member: string): (bytes: number) => void {
  const onProgress = functionReader<(bytes: number) => void>()(value, member)
  return (bytes) => {
    try {
      onProgress(bytes)
    } catch (cause) {
      throw wrongMember('ERR_CLIENT_OPTION_INVALID', member, 'a function that does not throw', cause)
    }
  }
}
