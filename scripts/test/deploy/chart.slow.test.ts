// The Helm chart, rendered with every file of values in `examples/` and with values that cannot work.
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chart,
  exampleFile,
  examples,
  helm,
  least,
  podOf,
  renderChart,
  theOne,
  variablesOf,
  workloadOf,
  type Container,
  type Manifest,
  type Rendered,
} from './rendered-chart.ts'
import { unrestricted } from './restricted-pods.ts'
import { openSchemas, type CheckManifest } from './strict-manifests.ts'
import { tryRun } from './tools.ts'

describe.skipIf(helm === undefined)('the chart', () => {
  let schemas: { folder: string; check: CheckManifest }
  beforeAll(async () => {
    schemas = await openSchemas()
  }, 120_000)
  afterAll(() => rm(schemas.folder, { recursive: true, force: true }))

  test('is compared with schemas that find a misspelt key, a wrong word and a wrong type', async () => {
    const workload = workloadOf(await renderChart(...least))
    const change = (from: string, to: string) =>
      schemas.check(JSON.parse(JSON.stringify(workload).replace(from, to)) as Manifest)
    expect(await schemas.check(workload)).toEqual([])
    expect(await change('"readinessProbe"', '"readinesProbe"')).toEqual([
      'apps/v1 StatefulSet keyhold: /spec/template/spec/containers/0/readinesProbe is no field of it',
    ])
    expect(await change('"Parallel"', '7')).not.toEqual([])
    expect(await change('"ScheduleAnyway"', '"Sometimes"')).not.toEqual([])
    expect(await change('"containerPort":8180', '"containerPort":"8180"')).not.toEqual([])
  })

  describe.each(examples)('with %s', (name) => {
    let rendered: Rendered
    beforeAll(async () => {
      rendered = await renderChart('--values', exampleFile(name))
    })

    test('helm lint has nothing to say', async () => {
      const { code, stdout, stderr } = await tryRun(helm ?? '', [
        ...['lint', '--strict', chart, '--values', exampleFile(name)],
      ])
      expect(`${stdout}${stderr}`).not.toMatch(/\[(ERROR|WARNING)\]/)
      expect(code).toBe(0)
    })

    test('every manifest is one of Kubernetes, and has no key that Kubernetes does not know', async () => {
      expect(rendered.stderr).toBe('')
      const problems = await Promise.all(rendered.manifests.map(schemas.check))
      expect(problems.flat()).toEqual([])
      expect(rendered.manifests.length).toBeGreaterThanOrEqual(4)
    })

    test('every pod fits the profile restricted', () => {
      const pods = rendered.manifests.flatMap((each) => podOf(each) ?? [])
      expect(pods.length).toBeGreaterThan(0)
      expect(pods.flatMap(unrestricted)).toEqual([])
    })

    test('no key, no password and no rights come from the chart', () => {
      const kinds = rendered.manifests.map(({ kind }) => kind)
      for (const kind of ['Secret', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'])
        expect(kinds).not.toContain(kind)
    })

    test('every name of a setting is one that the server knows, once', () => {
      const names = podOf(workloadOf(rendered))?.containers.flatMap(({ env }) => env.map((one) => one.name))
      expect(names).toEqual([...new Set(names)])
    })
  })
})

const containerOf = (manifest: Manifest): Container | undefined => podOf(manifest)?.containers[0]

describe.skipIf(helm === undefined)('what is rendered', () => {
  test('liveness and startup ask whether the process serves, readiness whether it can', async () => {
    const container = containerOf(workloadOf(await renderChart(...least)))
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: '/livez', port: 'health' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'health' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'health' } },
      lifecycle: { preStop: { sleep: { seconds: 5 } } },
    })
  })

  test.each([
    { kube: '1.31.0', set: [], seconds: 25, sleeps: true },
    { kube: '1.31.0', set: ['drainSeconds=60,preStopSeconds=7'], seconds: 77, sleeps: true },
    { kube: '1.31.0', set: ['preStopSeconds=0'], seconds: 20, sleeps: false },
    { kube: '1.29.9', set: [], seconds: 20, sleeps: false },
    { kube: '1.30.2-gke.1587003', set: [], seconds: 25, sleeps: true },
  ])('the grace period on $kube with $set is $seconds s', async ({ kube, set, seconds, sleeps }) => {
    const sets = set.flatMap((each) => ['--set', each])
    const workload = workloadOf(await renderChart(...least, ...sets, '--kube-version', kube))
    expect(podOf(workload)?.terminationGracePeriodSeconds).toBe(seconds)
    expect(containerOf(workload)?.lifecycle !== undefined).toBe(sleeps)
  })

  test('a budget of disruptions is there with more than one replica alone', async () => {
    const { manifests } = await renderChart(...least, '--set', 'replicas=1')
    expect(manifests.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget')
    const budget = theOne(await renderChart(...least, '--set', 'replicas=2'), 'PodDisruptionBudget')
    expect(budget.spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    const least1 = ['--set', 'autoscaling.enabled=true,autoscaling.minReplicas=1']
    const scaled = await renderChart(...least, ...least1)
    expect(scaled.manifests.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget')
  })

  test.each([true, false])(
    'with an autoscaler nothing else sets the number of replicas (state kept: %s)',
    async (isKept) => {
      const set = `autoscaling.enabled=true,state.persistence.enabled=${isKept}`
      const rendered = await renderChart(...least, '--set', set)
      const workload = workloadOf(rendered)
      expect(workload.kind).toBe(isKept ? 'StatefulSet' : 'Deployment')
      expect(workload.spec).not.toHaveProperty('replicas')
      expect(theOne(rendered, 'HorizontalPodAutoscaler').spec).toMatchObject({
        scaleTargetRef: { kind: workload.kind, name: workload.metadata.name },
        minReplicas: 2,
        maxReplicas: 6,
      })
    },
  )

  test('a large number stays a number of digits, and a price keeps its point', async () => {
    const set = [
      'settings.KEYHOLD_DATA_REQUESTS_PER_SECOND=10000000',
      'settings.KEYHOLD_KMS_USD_PER_10000_REQUESTS=0.03',
      'settings.KEYHOLD_REQUIRE_MULTI_REGION=true',
    ].flatMap((each) => ['--set', each])
    const values = variablesOf(containerOf(workloadOf(await renderChart(...least, ...set))))
    expect(values).toMatchObject({
      KEYHOLD_DATA_REQUESTS_PER_SECOND: '10000000',
      KEYHOLD_KMS_USD_PER_10000_REQUESTS: '0.03',
      KEYHOLD_REQUIRE_MULTI_REGION: 'true',
    })
  })

  test('secrets are files', async () => {
    const container = containerOf(workloadOf(await renderChart('--values', exampleFile('production.yaml'))))
    expect(container?.env.filter(({ valueFrom }) => valueFrom !== undefined)).toEqual([])
    expect(variablesOf(container)).toMatchObject({
      KEYHOLD_DATABASE_URL_FILE: '/run/secrets/keyhold/database-url',
      KEYHOLD_ROOT_KEY_FILE: '/run/secrets/keyhold/root-key',
      PGSSLMODE: 'verify-full',
    })
  })

  test('a URL that something else writes gets its parameters, and no file beside it', async () => {
    const rendered = await renderChart('--values', exampleFile('cloudnative-pg.yaml'))
    for (const manifest of rendered.manifests.filter((each) => podOf(each) !== undefined)) {
      const values = variablesOf(containerOf(manifest))
      expect(values.KEYHOLD_DATABASE_URL).toBe(
        '$(DATABASE_URL_WITHOUT_QUERY)?sslmode=verify-full&sslrootcert=/etc/keyhold/database-ca/ca.crt',
      )
      expect(values).not.toHaveProperty('KEYHOLD_DATABASE_URL_FILE')
      const names = containerOf(manifest)?.env.map(({ name }) => name) ?? []
      // Kubernetes puts in what was defined before.
      expect(names.indexOf('DATABASE_URL_WITHOUT_QUERY')).toBeLessThan(names.indexOf('KEYHOLD_DATABASE_URL'))
    }
  })
})

describe.skipIf(helm === undefined)('with a certificate', () => {
  test('services and the monitor speak TLS to all listeners but that for probes', async () => {
    const monitored = ['--set', 'monitoring.serviceMonitor.enabled=true']
    const file = ['--set', 'settings.KEYHOLD_TLS_CERTIFICATE_FILE=/etc/keyhold/tls/tls.crt']
    const tlsConfig = ['--set', 'monitoring.serviceMonitor.tlsConfig.serverName=keyhold']
    const plain = await renderChart(...least, ...monitored)
    const tls = await renderChart(...least, ...monitored, ...file, ...tlsConfig)
    expect(protocolsOf(plain)).toEqual(['http http', 'http http', 'health http', 'metrics http'])
    expect(protocolsOf(tls)).toEqual(['http https', 'http https', 'health http', 'metrics https'])
    expect(theOne(plain, 'ServiceMonitor').spec).toMatchObject({ endpoints: [{ scheme: 'http' }] })
    expect(theOne(tls, 'ServiceMonitor').spec).toMatchObject({
      endpoints: [{ scheme: 'https', tlsConfig: { serverName: 'keyhold' } }],
    })
  })
})

function protocolsOf({ manifests }: Rendered): string[] {
  const services = manifests.filter(({ kind }) => kind === 'Service')
  return services.flatMap(({ spec }) =>
    (spec as { ports: { name: string; appProtocol: string }[] }).ports.map(
      ({ name, appProtocol }) => `${name} ${appProtocol}`,
    ),
  )
}

describe.skipIf(helm === undefined)('the file of issuers', () => {
  test.each(['configMap', 'secret'])('is mounted with all that is beside it from a %s', async (kind) => {
    const value = kind === 'secret' ? 'existingSecret' : 'existingConfigMap'
    const rendered = await renderChart(
      ...least,
      ...['--set', `issuers.${value}=callers`, '--set', 'issuers.key=callers.json'],
    )
    const { template } = theOne(rendered, 'StatefulSet').spec as {
      template: { spec: { containers: Container[]; volumes: { name: string; [kind: string]: unknown }[] } }
    }
    const [container] = template.spec.containers
    expect(container?.env).toContainEqual({
      ...{ name: 'KEYHOLD_ISSUERS_FILE', value: '/etc/keyhold/issuers/callers.json' },
    })
    expect(container?.volumeMounts).toContainEqual({
      ...{ name: 'issuers', mountPath: '/etc/keyhold/issuers', readOnly: true },
    })
    const source = kind === 'secret' ? { secretName: 'callers' } : { name: 'callers' }
    expect(template.spec.volumes).toContainEqual({ name: 'issuers', [kind]: source })
  })
})

describe.skipIf(helm === undefined)('the notes', () => {
  const notes = async (...args: string[]) => {
    const all = ['install', 'keyhold', chart, '--dry-run=client', ...args]
    const { stdout } = await tryRun(helm ?? '', all)
    return stdout.slice(stdout.indexOf('NOTES:'))
  }

  test.each([
    { set: 'replicas=3', most: 3, each: 17, all: 51, above: 61 },
    { set: 'replicas=3,state.persistence.enabled=false', most: 4, each: 17, all: 68, above: 78 },
    {
      set: 'autoscaling.enabled=true,autoscaling.maxReplicas=12,database.connections=8',
      ...{ most: 12, each: 15, all: 180, above: 190 },
    },
  ])('count the connections with $set', async ({ set, most, each, all, above }) => {
    const text = await notes(...least, '--set', set)
    expect(text).toContain(`at most ${most} replicas`)
    expect(text).toContain(`each with ${each}: ${all},`)
    expect(text).toContain(`max_connections must be above ${above}`)
  })

  test('say what must be kept, and warn of a single replica', async () => {
    const text = await notes(...least, '--set', 'replicas=1')
    expect(text).toContain('the Secret root-key, and a copy of it outside of the cluster')
    expect(text).toContain('There is one replica')
  })
})

describe.skipIf(helm === undefined)('the migration', () => {
  test('as a hook it runs before the replicas change, with an account of its own and the rights of the server', async () => {
    const rendered = await renderChart('--values', exampleFile('production.yaml'))
    const job = theOne(rendered, 'Job')
    const pod = podOf(job)
    expect(job.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install,pre-upgrade' })
    expect(pod?.initContainers?.map(({ args }) => args)).toEqual([['upgrade-check']])
    expect(pod?.containers.map(({ args }) => args)).toEqual([['migrate', '--serve-role', 'keyhold']])
    const account = rendered.manifests.find(
      ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === pod?.serviceAccountName,
    )
    expect(account?.metadata.annotations).toMatchObject({
      'helm.sh/hook-weight': '-1',
      'helm.sh/hook': 'pre-install,pre-upgrade',
    })
    const secrets = JSON.stringify(pod?.volumes)
    expect(secrets).toContain('keyhold-database-owner')
    expect(secrets).not.toContain('root-key')
  })

  test.each(['production.yaml', 'aws-irsa.yaml', 'cloudnative-pg.yaml'])(
    'with %s it has the certificate authority and the TLS mode of the server',
    async (name) => {
      const rendered = await renderChart('--values', exampleFile(name))
      const [server, job] = [podOf(workloadOf(rendered)), podOf(theOne(rendered, 'Job'))]
      const ca = (pod: typeof server) => pod?.volumes.find((volume) => volume.name === 'database-ca')
      expect(ca(server)).toBeDefined()
      expect(ca(job)).toEqual(ca(server))
      const containers = [...(job?.containers ?? []), ...(job?.initContainers ?? [])]
      for (const container of containers) {
        expect(container.volumeMounts.map((mount) => mount.mountPath)).toContain('/etc/keyhold/database-ca')
        expect(variablesOf(container).PGSSLMODE).toBe('verify-full')
      }
      expect(job?.securityContext).toEqual(server?.securityContext)
    },
  )

  test.each([
    { set: 'database.tlsMode=verify-full', allowed: undefined },
    { set: 'database.tlsMode=disable', allowed: 'true' },
    { set: 'database.allowUnverified=true', allowed: 'true' },
  ])('and the replicas may reach an unverified database alike with $set', async ({ set, allowed }) => {
    const rendered = await renderChart(...least, '--set', set)
    const [server, job] = [podOf(workloadOf(rendered)), podOf(theOne(rendered, 'Job'))]
    const containers = [server, job].flatMap((pod) => [
      ...(pod?.containers ?? []),
      ...(pod?.initContainers ?? []),
    ])
    expect(containers.map((each) => variablesOf(each).KEYHOLD_ALLOW_UNVERIFIED_DATABASE)).toEqual(
      Array.from({ length: 3 }, () => allowed),
    )
  })

  test('as a plain Job it has another name in each revision, and with other content', async () => {
    const nameWith = async (...args: string[]) =>
      theOne(await renderChart(...least, '--set', 'migration.mode=job', ...args), 'Job').metadata.name
    const first = await nameWith()
    expect(first).toMatch(/^keyhold-migrate-r1-[0-9a-f]{8}$/)
    expect(await nameWith()).toBe(first)
    expect(await nameWith('--set', 'image.tag=0.2.0')).not.toBe(first)
  })

  test('as a part of the start there is no Job', async () => {
    const { manifests } = await renderChart(...least, '--set', 'migration.mode=start')
    expect(manifests.map(({ kind }) => kind)).not.toContain('Job')
  })
})

interface Policy {
  ingress?: { from?: unknown[]; ports: { port: unknown }[] }[]
  egress: { to?: { ipBlock?: { cidr: string } }[]; ports: { port: unknown; protocol: string }[] }[]
}

describe.skipIf(helm === undefined)('the network policy', () => {
  test('is not there by default', async () => {
    expect((await renderChart(...least)).manifests.map(({ kind }) => kind)).not.toContain('NetworkPolicy')
  })

  test('lets replicas reach DNS, the database, AWS KMS and the sources of credentials', async () => {
    const { manifests } = await renderChart('--values', exampleFile('aws-irsa.yaml'))
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy')
    const [server, migration] = policies.map(({ spec }) => spec as Policy)
    const ports = (policy: Policy | undefined) =>
      policy?.egress.flatMap((rule) => rule.ports.map(({ port, protocol }) => `${protocol} ${String(port)}`))
    expect(ports(server)).toEqual(['UDP 53', 'TCP 53', 'TCP 5432', 'TCP 443', 'TCP 80'])
    expect(ports(migration)).toEqual(['UDP 53', 'TCP 53', 'TCP 5432'])
    const credentials = server?.egress.at(-1)?.to?.map(({ ipBlock }) => ipBlock?.cidr)
    expect(credentials).toEqual([
      ...['169.254.169.254/32', '169.254.170.23/32', 'fd00:ec2::254/128', 'fd00:ec2::23/128'],
    ])
    // Nobody reaches a migration, and nobody but the kubelet the listener for probes.
    expect(migration?.ingress).toBeUndefined()
    expect(server?.ingress?.flatMap((rule) => rule.ports.map(({ port }) => port))).toEqual([
      'http',
      'metrics',
    ])
  })
})
