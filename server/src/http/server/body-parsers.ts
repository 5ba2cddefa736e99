// Reads a body by its content type: as JSON, or as bytes. All other types are refused.
import { KeyholdError } from '@keyhold/core'
import type { FastifyInstance } from 'fastify'
import { parseJson } from './parse-json.ts'

export const octetStream = 'application/octet-stream'

const charsetParameter = /;\s*charset\s*=\s*"?([^\s";]*)/i

export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    ['application/json', 'application/json-patch+json'],
    { parseAs: 'buffer' },
    ({ headers }, body, done) => {
      try {
        checkCharset(headers['content-type'] ?? '')
        // The calls of the original's tutorial announce JSON and send nothing.
        done(null, body.length === 0 ? undefined : parseJson(body))
      } catch (error) {
        done(error as Error)
      }
    },
  )
  app.addContentTypeParser<Buffer>(octetStream, { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
}

// JSON is UTF-8. A caller that announces another character set means other characters than we would read.
function checkCharset(contentType: string): void {
  if (contentType === 'application/json') return
  const charset = charsetParameter.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8'
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) throw new KeyholdError('ERR_UNSUPPORTED_MEDIA_TYPE')
}
