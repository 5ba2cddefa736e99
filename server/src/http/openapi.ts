// The OpenAPI description of the API, made from the contract's table alone, so that it can't tell anything else.
import { errorEnvelope, routes, type Route } from '@keyhold/contract'

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
  for (const [id, route] of Object.entries<Route>(routes)) {
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

function operation(id: string, route: Route): Operation {
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name ?? '')
  const parameters: object[] = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  for (const [name, schema] of Object.entries(queryOf(route))) {
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
  return {
    operationId: id,
    summary: route.summary,
    description: `For API keys with the role ${route.roles.join(' or ')}.`,
    parameters,
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.replies).map(([status, schema]) => [
          status,
          schema === null
            ? { description: 'Done.' }
            : { description: 'Done.', content: { [mediaTypeOf(route)]: { schema } } },
        ]),
      ),
      default: {
        description: 'Refused or failed.',
        content: { 'application/json': { schema: errorReference } },
      },
    },
  }
}

function mediaTypeOf({ events }: Route): string {
  return events === true ? 'text/event-stream' : 'application/json'
}

function queryOf({ query }: Route): Record<string, object> {
  return query !== undefined && 'properties' in query ? (query.properties as Record<string, object>) : {}
}
