// The OpenAPI description of the API. It is made only from the contract's tables, so it cannot differ from them.
import { routeGroups, routeIds, routes, type ReplyKind, type Route, type RouteId } from '@keyhold/contract'
import { namedSchemas, routeSchemas, type RouteSchemas } from '@keyhold/contract/schemas'

type JsonSchema = Readonly<Record<string, unknown>>

const names = new Map<unknown, string>(Object.entries(namedSchemas).map(([name, schema]) => [schema, name]))
const tags = new Map(
  Object.entries(routeGroups).flatMap(([tag, group]) => Object.keys(group).map((id) => [id, tag] as const)),
)
// Generators know these words for bytes.
const octets = { schema: { type: 'string', format: 'binary' } }

interface Operation {
  operationId: string
  tags: string[]
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
    servers: [{ url: '/', description: 'The Keyhold that serves this description.' }],
    security: [{ bearer: [] }],
    tags: Object.keys(routeGroups).map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' } },
      schemas: Object.fromEntries(
        Object.entries(namedSchemas).map(([name, schema]) => [name, membersWithNames(schema)]),
      ),
    },
  }
}

function operation(id: RouteId, route: Route): Operation {
  const { query, body, item, replies }: RouteSchemas = routeSchemas[id]
  const parameterNames = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name ?? '')
  const parameters: object[] = parameterNames.map((name) => ({
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
  const asOctets = route.takesOctets === true ? { 'application/octet-stream': octets } : {}
  return {
    operationId: id,
    tags: [tags.get(id) ?? ''],
    summary: route.summary,
    description: `For API keys with the role ${route.roles.join(' or ')}.`,
    parameters,
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: bodyOf(body, item) }, ...asOctets },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, kind]) => [
          status,
          kind === 'nothing'
            ? { description: 'Done.' }
            : {
                description: 'Done.',
                content: { [mediaTypes[kind]]: { schema: withNames(replies[Number(status)]) }, ...asOctets },
              },
        ]),
      ),
      default: {
        description: 'Refused or failed.',
        content: { 'application/json': { schema: withNames(namedSchemas.ErrorEnvelope) } },
      },
    },
  }
}

const mediaTypes: Readonly<Record<Exclude<ReplyKind, 'nothing'>, string>> = {
  json: 'application/json',
  events: 'text/event-stream',
}

// The schema that checks a body with items asks only for a list, since each item is checked on its own.
function bodyOf(body: unknown, item: unknown): unknown {
  if (item === undefined) return withNames(body)
  const { properties, ...rest } = body as JsonSchema & { properties: { items: JsonSchema } }
  return { ...rest, properties: { items: { ...properties.items, items: withNames(item) } } }
}

/** The schema, with a reference wherever it, or a part of it, has a name. */
function withNames(schema: unknown): unknown {
  const name = names.get(schema)
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  if (Array.isArray(schema)) return schema.map(withNames)
  return typeof schema === 'object' && schema !== null ? membersWithNames(schema) : schema
}

function membersWithNames(schema: object): JsonSchema {
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withNames(value)]))
}

function membersOf(query: RouteSchemas['query']): Record<string, object> {
  return query !== undefined && 'properties' in query ? (query.properties as Record<string, object>) : {}
}
