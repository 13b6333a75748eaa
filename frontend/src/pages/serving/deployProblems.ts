import { EndpointDeploy } from '@llm-ops/contracts';
import { type DeployForm, customImage, type deployPayload, parseEnv } from './deployForm.ts';
import { previewRoute } from './routeName.ts';

/** What is wrong before anything is sent: a message a path. The platform's own schema says what the form does not. */
export function problemsOf(
  form: DeployForm,
  payload: ReturnType<typeof deployPayload>,
  t: (key: string, values?: Record<string, unknown>) => string,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const issue of EndpointDeploy.safeParse(payload).error?.issues ?? [])
    found[issue.path.join('.')] ??= issue.message;
  if (form.modelId === '') found['modelId'] = t('serving.deploy.needModel');
  const { fault } = previewRoute(form.route);
  if (fault) found['route'] = t(`serving.route.fault.${fault}`);
  if (form.environment === 'prod' && form.rollbackPlan.trim() === '')
    found['rollbackPlan'] = t('serving.deploy.needPlan');
  if ((form.minReplicas ?? 0) < 1) found['minReplicas'] = t('serving.deploy.needReplica');
  if ((form.maxReplicas ?? 0) < (form.minReplicas ?? 0)) found['maxReplicas'] = t('serving.deploy.maxBelowMin');
  if (form.image === customImage && form.customImage.trim() === '')
    found['servingRuntimeImage'] = t('serving.deploy.needImage');
  const { wrong } = parseEnv(form.env);
  if (wrong.length > 0) found['env'] = t('serving.deploy.envWrong', { lines: wrong.join(', ') });
  return found;
}
