// The answer in place of pages that are not installed beside the server.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import type { FastifyInstance } from 'fastify'

/** @param message - what to install, and where */
export function registerMissing(
  app: FastifyInstance,
  path: `/${string}`,
  { code, message }: { code: ErrorCode; message: string },
): void {
  for (const url of [path, `${path}/*`]) {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      handler() {
        throw new KeyholdError(code, { message })
      },
    })
  }
}
