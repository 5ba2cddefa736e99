// The OpenAPI description of the API. It is made only from the contract's tables, so it cannot differ from them.
import { routeIds, routes, type ReplyKind, type Route, type RouteId } from '@keyhold/contract'
import { errorEnvelope, routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'

const errorReference = { $ref: '#/components/schemas/Error' }

interface Operation {
  operationId: string
  summary: string
  description: string
  parameters: object[]
  requestBody?: object
  responses: Record<string, object>
}

/** The document, in OpenAPI 3.1. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const id of routeIds) {
    const route: Route = routes[id]
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    const operations = (paths[path] ??= {})
    operations[route.method.toLowerCase()] = operation(id, route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Keyhold', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' } },
      schemas: { Error: errorEnvelope },
    },
  }
}

function operation(id: RouteId, route: Route): Operation {
  const { query, body, replies }: RouteSchemas = routeSchemas[id]
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name ?? '')
  const parameters: object[] = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  for (const [name, schema] of Object.entries(membersOf(query))) {
    parameters.push({ name, in: 'query', required: false, schema })
  }
  if (!route.roles.includes('operator')) {
    parameters.push({
      name: 'Keyhold-Tenant',
      in: 'header',
      required: false,
      description: 'The tenant, for API keys that are not bound to one.',
      schema: { type: 'string' },
    })
  }
  const octets = route.takesOctets === true ? { 'application/octet-stream': {} } : {}
  return {
    operationId: id,
    summary: route.summary,
    description: `For API keys with the role ${route.roles.join(' or ')}.`,
    parameters,
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: body }, ...octets } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, kind]) => [
          status,
          kind === 'nothing'
            ? { description: 'Done.' }
            : {
                description: 'Done.',
                content: { [mediaTypes[kind]]: { schema: replies[Number(status)] }, ...octets },
              },
        ]),
      ),
      default: {
        description: 'Refused or failed.',
        content: { 'application/json': { schema: errorReference } },
      },
    },
  }
}

const mediaTypes: Readonly<Record<Exclude<ReplyKind, 'nothing'>, string>> = {
  json: 'application/json',
  events: 'text/event-stream',
}

function membersOf(query: RouteSchemas['query']): Record<string, object> {
  return query !== undefined && 'properties' in query ? (query.properties as Record<string, object>) : {}
}
