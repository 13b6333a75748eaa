import type { BodyOf, ChangePlan, DataOf, Environment, servingRoutes } from '@llm-ops/contracts';
import { environments } from '@llm-ops/contracts';
import type { Access } from '#platform/access';
import { withoutSecrets } from '../redact.ts';
import type { Db } from '#platform/db';
import { failure, isFailure } from '#platform/errors';
import { again, remedyBy, together } from '#platform/words';
import type { Preflight, PreflightCheck, Runtime } from '#ports/runtime';
import { reasonOf } from '../rollout/completion.ts';
import { checkWords, refusalWords } from '../sentences.ts';
import { drafted } from './draft.ts';
import { requireDeploy, requireModel } from '../guard.ts';
import { configurationOf, differencesOf, tell, versionFields, type Difference } from '../spec.ts';
import {
  allEndpoints,
  endpointNamed,
  endpointsLike,
  findRevision,
  type Connection,
  type EndpointWithTarget,
} from '../store/endpoints.ts';
import type { ServingCatalog, ServingConfig, ServingSpec } from '../types.ts';

type Routes = typeof servingRoutes;

interface ChecksDeps {
  db: Db;
  runtimes: Readonly<Record<string, Runtime>>;
  catalog: ServingCatalog;
  config: ServingConfig;
}

const levels = ['green', 'amber', 'red'] as const;
const worst = (checks: readonly PreflightCheck[]) =>
  levels[Math.max(0, ...checks.map(({ level }) => levels.indexOf(level)))]!;

/** Environments before this one, the nearest first: what a revision is compared with. */
const lower = (environment: Environment) => environments.slice(0, environments.indexOf(environment)).reverse();

/** A specification that may differ from its environments. */
export interface DriftQuestion {
  spec: ServingSpec;
  artifactDigest: string | null;
  /** the configuration before */
  known?: Record<string, unknown> | undefined;
  /** the endpoint that is promoted over */
  over?: EndpointWithTarget | null | undefined;
}

/** Throws `change_plan_missing` with the fields that are. */
export function requirePlan(plan: ChangePlan | null | undefined): ChangePlan {
  if (plan) return plan;
  const message = 'Required for prod: a reviewer reads it before the change, and it is kept with the revision.';
  throw failure('change_plan_missing', {
    issues: ['change.backup', 'change.maintenance'].map((path) => ({ path, message })),
  });
}

export type Checks = ReturnType<typeof createChecks>;

/** What is looked at before a deployment: fit, drift between environments, and everything that would refuse it. */
export function createChecks(deps: ChecksDeps) {
  const { db, runtimes, catalog, config } = deps;

  async function runtimePreflight(kind: string, spec: ServingSpec): Promise<Preflight> {
    const runtime = runtimes[kind];
    if (!runtime) throw new Error(`this server has no runtime "${kind}"`);
    return runtime.preflight(spec);
  }

  /** The endpoint of the nearest lower environment with the same name, else of the same model. */
  async function counterpart(
    connection: Connection,
    environment: Environment,
    like: { name: string; modelName: string },
  ): Promise<EndpointWithTarget | null> {
    for (const one of lower(environment)) {
      const [found] = await endpointsLike(connection, one, like);
      if (found) return found;
    }
    return null;
  }

  return {
    /**
     * Differences to the nearest lower environment, and, when promoted over an endpoint that is there already, to that one in all but its
     * model version. `known` is the configuration before: what differed already is not asked about again.
     */
    async differences(
      connection: Connection,
      { spec, artifactDigest, known, over }: DriftQuestion,
    ): Promise<(Difference & { environment: Environment })[]> {
      const wanted = configurationOf(spec, artifactDigest);
      const name = nameOf(spec);
      const below = await counterpart(connection, spec.environment, { name, modelName: spec.model.name });
      const differences: (Difference & { environment: Environment })[] = [];
      if (below) {
        const there = configurationOf(below.spec, below.artifact_digest);
        const before = known ? new Set(differencesOf(there, known).map(tell)) : null;
        for (const difference of differencesOf(there, wanted)) {
          if (!before?.has(tell(difference))) differences.push({ ...difference, environment: below.environment });
        }
      }
      if (over) {
        for (const difference of differencesOf(configurationOf(over.spec, over.artifact_digest), wanted)) {
          if (!versionFields.includes(difference.path))
            differences.push({ ...difference, environment: over.environment });
        }
      }
      return differences;
    },

    /** Throws `drift_unexplained` with the differences, unless a parity note explains them. */
    async refuseDrift(connection: Connection, question: DriftQuestion, parityNote: string | undefined): Promise<void> {
      if (parityNote?.trim()) return;
      const differences = await this.differences(connection, question);
      if (differences.length === 0) return;
      throw failure('drift_unexplained', {
        ...refusalWords.tell('differs', {
          differences: differences.map((one) => `${one.environment} ${tell(withoutSecrets(one))}`).join('; '),
        }),
        issues: differences.map((one) => ({
          path: one.path,
          message: `${one.environment}: ${tell(withoutSecrets(one))}`,
        })),
        data: { differences: differences.map(withoutSecrets) },
      });
    },

    /** Throws `validation_failed` naming each argument that the runtime is known to end by. */
    refuseArguments(kind: string, spec: ServingSpec): void {
      const issues = runtimes[kind]?.plan(spec).refused ?? [];
      if (issues.length > 0) throw failure('validation_failed', { issues });
    },

    /** What the runtime says of it; one that cannot be asked is told so. */
    async fit(kind: string, spec: ServingSpec): Promise<Preflight> {
      return runtimePreflight(kind, spec).catch((error: unknown): Preflight => ({
        level: 'amber',
        checks: [
          {
            name: 'runtime',
            level: 'amber',
            ...together(
              checkWords.tell('unasked', { cause: reasonOf(error) }),
              isFailure(error) ? remedyBy(error) : {},
            ),
          },
        ],
        memory: null,
      }));
    },

    /** Throws `preflight_red` when the runtime says that it would not fit or start. */
    async refuseRed(kind: string, spec: ServingSpec): Promise<void> {
      const { level, checks } = await runtimePreflight(kind, spec);
      if (level !== 'red') return;
      const red = checks.filter((check) => check.level === 'red');
      const told = checkWords.tell('would_not_run', { checks: red.map((check) => again(check, 'message')) });
      const [first] = red;
      throw failure('preflight_red', {
        ...(first?.remedy ? together(told, remedyBy({ ...first, remedy: first.remedy })) : told),
        issues: red.map(({ name, message, said }) => ({ path: name, message, said })),
      });
    },

    /** Everything that a deployment would be asked, without doing it. */
    async preflight(access: Access, request: BodyOf<Routes['preflight']>): Promise<DataOf<Routes['preflight']>> {
      const { model } = await catalog.getForServing(request.modelId);
      requireModel(access, model);
      const checks: PreflightCheck[] = [];
      const check = async (
        name: string,
        good: Pick<PreflightCheck, 'message' | 'said'>,
        work: () => unknown,
        level: 'amber' | 'red' = 'red',
      ) => {
        try {
          await work();
          checks.push({ name, level: 'green', remedy: null, ...good });
          return true;
        } catch (error) {
          if (!isFailure(error)) throw error;
          const { message, remedy, said } = error;
          const issues = (error.issues ?? []).map((issue) =>
            checkWords.line('issue', { field: issue.path, message: again(issue, 'message') }),
          );
          const told = { message, remedy, said };
          checks.push({
            name,
            level,
            ...(issues.length > 0 ? together(told, checkWords.tell('refused', { issues })) : told),
          });
          return false;
        }
      };
      const { environment } = request;
      await check('permission', checkWords.tell('permission', { environment }), () =>
        requireDeploy(access, { modelId: model.id }, environment),
      );
      await check('approval', checkWords.tell('approval'), () => catalog.deployable(model.id));
      const route = request.route ?? '/preflight';
      const draft = { value: null as ReturnType<typeof drafted> | null };
      await check('request', checkWords.tell('request'), () => {
        draft.value = drafted({ ...request, route }, model, { config, runtimes });
        if (environment === 'prod' && !request.rollbackPlan?.trim()) {
          throw failure('validation_failed', {
            issues: [{ path: 'rollbackPlan', ...checkWords.tell('required_prod') }],
          });
        }
      });
      if (!draft.value) return { level: worst(checks), checks, memory: null };
      const { spec, runtime, name, artifactDigest } = draft.value;
      if (request.route !== undefined) {
        await check('route', checkWords.tell('route', { name, environment }), async () => {
          if (await endpointNamed(db.kysely, environment, name)) throw failure('endpoint_route_taken');
        });
      }
      await check('drift', checkWords.tell('drift'), () =>
        this.refuseDrift(db.kysely, { spec, artifactDigest }, request.parityNote),
      );
      if (environment === 'prod') {
        await check('change', checkWords.tell('change'), () => requirePlan(request.change));
        if (config.fourEyes) {
          await check(
            'review',
            checkWords.tell('review'),
            () => {
              throw failure('change_approval_required');
            },
            'amber',
          );
        }
      }
      const fit = await this.fit(runtime, spec);
      checks.push(...fit.checks);
      return { level: worst(checks), checks, memory: fit.memory };
    },

    /** Endpoints of the same name (else the same model) that differ from the environment before theirs. */
    async drift(access: Access, route: string | undefined): Promise<DataOf<Routes['listDrift']>> {
      const rows = await allEndpoints(db.kysely, access.scope('endpoint:read', 'endpoint'));
      const wanted = route?.trim().replace(/^\/+|\/+$/g, '');
      const found: DataOf<Routes['listDrift']> = [];
      for (const row of rows) {
        if (wanted !== undefined && row.name !== wanted && row.route !== `/${wanted}`) continue;
        const below = lower(row.environment)
          .map(
            (environment) =>
              rows.find((one) => one.environment === environment && one.name === row.name) ??
              rows.find((one) => one.environment === environment && one.model_name === row.model_name),
          )
          .find((one) => one !== undefined);
        if (!below) continue;
        const differences = differencesOf(
          configurationOf(below.spec, below.artifact_digest),
          configurationOf(row.spec, row.artifact_digest),
        ).map(withoutSecrets);
        if (differences.length === 0) continue;
        const parityNote = (await findRevision(db.kysely, row.id, row.target_revision))?.parity_note ?? null;
        found.push({
          route: row.route,
          modelName: row.model_name,
          environments: { from: below.environment, to: row.environment },
          endpoints: { from: below.id, to: row.id },
          differences,
          parityNote,
          blocked: parityNote === null,
        });
      }
      return found;
    },
  };
}

const nameOf = (spec: ServingSpec) => spec.route.replace(/^\/(?:llm-ops\/v1\/serve\/)?/, '');
