// The OpenAPI description of the API. It is made only from the contract's tables, so it cannot differ from them.
import { routeGroups, routeIds, routes, takesOctets, type Route, type RouteId } from '@keyhold/contract'
import { describeOctetOperation, describeOperation, type Operation } from './operation.ts'
import { namedComponents } from './schema-names.ts'

const tags = new Map(
  Object.entries(routeGroups).flatMap(([tag, group]) =>
    Object.keys(group.routes).map((id) => [id, tag] as const),
  ),
)

// A path has one operation for each method. Where a route takes JSON or bytes, the bytes have an operation of their own, or
// generated clients would have two types for one reply, or would lose one. No client sends what stands behind the `#`.
const octetFragment = '#octet-stream'

/** The document, in OpenAPI 3.1. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const id of routeIds) {
    const route: Route = routes[id]
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    const method = route.method.toLowerCase()
    const operations = (paths[path] ??= {})
    operations[method] = describeOperation(id, route, tagOf(id))
    if (takesOctets(id))
      paths[path + octetFragment] = { [method]: describeOctetOperation(id, route, tagOf(id)) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keyhold',
      version,
      description:
        'Every tenant encrypts with a key that its own organisation holds. Each refusal has the form `ErrorEnvelope`; its `code` is the interface. Operations whose path ends in `#octet-stream` take and answer bytes on the path before the `#`; clients do not send the rest.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to this document, so that it is right behind any proxy and path.
    servers: [{ url: '.', description: 'The Keyhold that serves this description.' }],
    security: [{ bearer: [] }],
    tags: Object.entries(routeGroups).map(([name, { description }]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, or a JWT of an issuer that the operator trusts.',
        },
      },
      schemas: namedComponents(),
    },
  }
}

function tagOf(id: RouteId): string {
  return tags.get(id) ?? ''
}
