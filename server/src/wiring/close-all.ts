// Each part that is opened adds the function that closes it. They run in the opposite order, at the end or when the start
// fails half-way.
import type { Logger } from 'pino'

export type Closers = (() => Promise<void>)[]

/** Closes what is open. A failure is logged and does not keep the rest open. */
export async function closeAll(closers: Closers, logger: Logger): Promise<void> {
  for (const close of closers.splice(0).reverse()) {
    await close().catch((error: unknown) => {
      logger.warn({ err: error }, 'while stopping')
    })
  }
}
