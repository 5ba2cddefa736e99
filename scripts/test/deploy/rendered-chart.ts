// The chart, rendered by Helm.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parseAllDocuments } from 'yaml'
import { findGoProgram, root, tryRun } from './tools.ts'

export const chart = path.join(root, 'deploy/helm/keyhold')
export const helm = findGoProgram('helm', 'helm.sh/helm/v4/cmd/helm', 'v4.3.2')

/** The files of values in `examples/`. */
export const examples = readdirSync(path.join(chart, 'examples')).toSorted()

export const exampleFile = (name: string) => path.join(chart, 'examples', name)

/** The least that every installation sets. */
export const least = [
  ...['--set', 'image.repository=registry.example.com/keyhold'],
  ...['--set', 'rootKey.existingSecret=root-key', '--set', 'database.existingSecret=database'],
]

export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; annotations?: Record<string, string>; labels?: Record<string, string> }
  [part: string]: unknown
}

export interface Rendered {
  code: number
  stderr: string
  manifests: Manifest[]
}

const kubeVersion = '1.31.0'

export async function renderChart(...args: string[]): Promise<Rendered> {
  const version = args.includes('--kube-version') ? [] : ['--kube-version', kubeVersion]
  const all = ['template', 'keyhold', chart, '--namespace', 'keyhold', ...version, ...args]
  const { code, stdout, stderr } = await tryRun(helm ?? '', all)
  const documents = parseAllDocuments(stdout)
  return { code, stderr, manifests: documents.flatMap((each) => (each.toJSON() as Manifest | null) ?? []) }
}

/** The one manifest of a kind. @throws Error if there is none, or more than one */
export function theOne({ manifests, stderr }: Rendered, kind: string): Manifest {
  const found = manifests.filter((each) => each.kind === kind)
  const [manifest] = found
  if (manifest === undefined || found.length > 1)
    throw new Error(`${found.length} manifests are a ${kind}: ${stderr}`)
  return manifest
}

export interface Container {
  name: string
  args: string[]
  env: { name: string; value?: string; valueFrom?: unknown }[]
  volumeMounts: { name: string; mountPath: string }[]
  [part: string]: unknown
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  volumes: Record<string, unknown>[]
  serviceAccountName: string
  terminationGracePeriodSeconds?: number
  [part: string]: unknown
}

/** The pod of a Deployment, a StatefulSet or a Job; undefined for other kinds. */
export function podOf(manifest: Manifest): PodSpec | undefined {
  const spec = manifest.spec as { template?: { spec?: PodSpec } } | undefined
  return spec?.template?.spec
}

/** The replicas. */
export function workloadOf({ manifests }: Rendered): Manifest {
  const found = manifests.find(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))
  if (found === undefined) throw new Error('there are no replicas')
  return found
}

export function variablesOf(container: Container | undefined): Record<string, string | undefined> {
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]))
}
