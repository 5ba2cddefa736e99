// The public pages of the issuer, below the path of `KEYHOLD_ISSUER_URL`: open to all, and made from memory.
import { KeyholdError } from '@keyhold/core'
import type { FastifyInstance } from 'fastify'
import {
  discoveryPath,
  keySetPath,
  pageMaxAgeSeconds,
  type IssuerPage,
} from '../../installation/issuer-keys/issuer-documents.ts'

export interface ServedIssuer {
  /** `KEYHOLD_ISSUER_URL`. */
  url: string
  /** Throws where this replica knows no key. */
  pages: () => IssuerPage[]
}

export function registerIssuer(app: FastifyInstance, issuer: ServedIssuer | undefined): void {
  if (issuer === undefined) return
  const prefix = new URL(issuer.url).pathname.replace(/\/$/, '')
  for (const path of [discoveryPath, keySetPath]) {
    app.route({
      method: ['GET', 'HEAD'],
      url: `${prefix}${path}`,
      handler(_request, reply) {
        const page = issuer.pages().find((each) => each.path === path)
        if (page === undefined) throw new KeyholdError('ERR_ROUTE_NOT_FOUND')
        return reply
          .headers({
            'content-type': 'application/json; charset=utf-8',
            'cache-control': `public, max-age=${pageMaxAgeSeconds}`,
            'access-control-allow-origin': '*',
          })
          .send(page.body)
      },
    })
  }
}
