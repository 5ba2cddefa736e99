// Serves a page with the packed client on the same origin as the API, because Keyhold does not support CORS.
import { readFile } from 'node:fs/promises'
import { request as sendRequest } from 'node:http'
import { join } from 'node:path'
import { serve } from '../../../testkit/src/http/serve.ts'

const page = `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "@keyhold/client": "/client/dist/index.js" } }</script>`

/**
 * Starts a server for one test: `/` is the page, `/client/…` the package, `/program.js` the page's own program,
 * and `/api/…` is passed on to Keyhold.
 */
export async function servePage(keyholdUrl: string, clientFolder: string, program: string): Promise<string> {
  return serve((request, response) => {
    const path = request.url ?? '/'
    if (path.startsWith('/api/')) {
      const { method, headers } = request
      const onward = sendRequest(keyholdUrl + path, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      request.pipe(onward)
      return
    }
    if (path === '/') response.setHeader('content-type', 'text/html').end(page)
    else if (path === '/program.js') response.setHeader('content-type', 'text/javascript').end(program)
    else {
      readFile(join(clientFolder, path.replace('/client/', ''))).then(
        (code) => response.setHeader('content-type', 'text/javascript').end(code),
        () => response.writeHead(404).end(),
      )
    }
  })
}
