// Where a request came from: the address of its client, and the program that the client says it is.
import type { FastifyRequest } from 'fastify'
import type { Actor } from '../../store/audits.ts'
import type { ClientAddress } from '../server/client-address.ts'

const maxProgramLength = 128

export function originOf(
  { raw, headers }: Pick<FastifyRequest, 'raw' | 'headers'>,
  clientAddress: ClientAddress,
): NonNullable<Actor['origin']> {
  const address = clientAddress(raw)?.text
  // Without what a terminal or a screen could obey, and not at any length.
  const userAgent = headers['user-agent']?.slice(0, maxProgramLength).replaceAll(/[^ -~]/g, '?')
  return {
    ...(address !== undefined && { clientAddress: address }),
    ...(userAgent !== undefined && { userAgent }),
  }
}
