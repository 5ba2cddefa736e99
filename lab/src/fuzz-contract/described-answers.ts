// The description of the API as the server itself gives it: what it says about the answers of a route, in validators.
import { routes, type Route, type RouteId } from '@keyhold/contract'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, unknown> }> }>>
}

export interface DescribedAnswers {
  /** The types of content that the description has for this status. Undefined: it does not have the status. */
  typesOf(routeId: RouteId, status: number): readonly string[] | undefined
  /** How a value differs from the schema of that answer, in words. */
  faultOf(routeId: RouteId, status: number, type: string, value: unknown): string | undefined
}

const id = 'https://keyhold.example/openapi.json'

/** @param document - what `GET /openapi.json` answers */
export function readDescription(document: unknown): DescribedAnswers {
  // Descriptions and examples are no rules.
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: id, ...(document as object) }, undefined, undefined, false)
  const { paths } = document as OpenApi
  const validators = new Map<string, ValidateFunction>()
  const placeOf = (routeId: RouteId) => {
    const { path, method }: Route = routes[routeId]
    return [path.replaceAll(/:([A-Za-z]+)/g, '{$1}'), method.toLowerCase()] as const
  }

  function validatorOf(routeId: RouteId, status: number, type: string): ValidateFunction {
    const [path, method] = placeOf(routeId)
    const steps = ['paths', path, method, 'responses', String(status), 'content', type, 'schema']
    const pointer = steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
    const $ref = `${id}#/${pointer.join('/')}`
    const found = validators.get($ref) ?? ajv.compile({ $ref })
    validators.set($ref, found)
    return found
  }

  return {
    typesOf(routeId, status) {
      const [path, method] = placeOf(routeId)
      const described = paths[path]?.[method]?.responses[String(status)]
      return described && Object.keys(described.content ?? {})
    },
    faultOf(routeId, status, type, value) {
      const validate = validatorOf(routeId, status, type)
      return validate(value) ? undefined : `answers in another form: ${ajv.errorsText(validate.errors)}`
    },
  }
}
