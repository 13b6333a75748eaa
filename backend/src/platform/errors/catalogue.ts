interface Entry {
  /** HTTP status */
  status: number;
  /** what happened, for a person; a throw may replace it by something more exact */
  message: string;
  /** what to do about it */
  remedy: string;
}

/** Every code the product can answer. A code is never reused for another meaning. */
export const catalogue = {
  api_key_not_found: {
    status: 404,
    message: 'There is no such API key.',
    remedy: 'List the keys with GET /governance/api-keys.',
  },
  api_key_revoked: {
    status: 409,
    message: 'This API key was revoked, and stays so.',
    remedy: 'Make a new key.',
  },
  backup_invalid: {
    status: 500,
    message: 'This backup is not complete or was changed.',
    remedy: 'Use another backup, or copy this one again from where it was made.',
  },
  backup_unsettled: {
    status: 409,
    message: 'Files were deleted while the backup was being made.',
    remedy: 'Run the backup again at a quieter moment.',
  },
  budget_exhausted: {
    status: 429,
    message: 'A budget has no room for this request.',
    remedy: 'Wait for its next period, ask for less (max_tokens), or ask an operator to raise it.',
  },
  budget_name_taken: {
    status: 409,
    message: 'There is a budget of this name.',
    remedy: 'Choose another name, or change that budget.',
  },
  budget_not_found: {
    status: 404,
    message: 'There is no such budget.',
    remedy: 'List the budgets with GET /governance/budgets.',
  },
  change_amended: {
    status: 409,
    message: 'This change was amended after it was read.',
    remedy: 'Read its newest version and decide about that.',
  },
  change_approval_required: {
    status: 409,
    message: 'A change of prod must be approved by somebody else before it is carried out.',
    remedy: 'Submit the same as POST /serving/changes, let a reviewer approve it, then apply it.',
  },
  change_closed: {
    status: 409,
    message: 'This change was decided, applied or withdrawn, so it can no longer be altered.',
    remedy: 'Submit a new change.',
  },
  change_four_eyes: {
    status: 403,
    message: 'Whoever submitted a change cannot approve it.',
    remedy: 'Ask another reviewer.',
  },
  change_not_approved: {
    status: 409,
    message: 'This change is not approved yet.',
    remedy: 'Ask a reviewer to approve it.',
  },
  change_not_found: {
    status: 404,
    message: 'There is no such change.',
    remedy: 'List the changes to see their ids.',
  },
  change_outdated: {
    status: 409,
    message:
      'What the change was approved for is no longer what it would do: its endpoint, source or model has changed since.',
    remedy: 'Amend it, so that it is looked at and approved anew.',
  },
  change_outside_window: {
    status: 409,
    message: 'It is not the time of the maintenance window.',
    remedy: 'Apply it within its window, or amend the window and let it be approved anew.',
  },
  change_plan_missing: {
    status: 400,
    message: 'A change of prod needs a backup plan and a maintenance procedure.',
    remedy: 'Give `change` with `backup` and `maintenance`; POST /serving/changes/preview proposes both.',
  },
  cluster_crd_missing: {
    status: 409,
    message: 'The cluster does not know this kind of object.',
    remedy: 'Install the operator that the message names, or deploy with deploymentMode raw.',
  },
  cluster_forbidden: {
    status: 503,
    message: 'The cluster does not let the platform do this.',
    remedy: 'Give its service account the rights that the Helm chart lists.',
  },
  cluster_quota_exceeded: {
    status: 409,
    message: 'The quota of the namespace has no room for this.',
    remedy: 'Ask for less, remove another endpoint of this environment, or have the quota raised.',
  },
  cluster_refused: {
    status: 409,
    message: 'The cluster refused the manifest.',
    remedy: 'See the message of the cluster; a field of the request does not fit.',
  },
  cluster_unreachable: {
    status: 503,
    message: 'The Kubernetes API cannot be reached.',
    remedy: 'See whether the cluster runs and KUBECONFIG_PATH is right; the platform tries again by itself.',
  },
  csrf_token_invalid: {
    status: 403,
    message: 'The x-csrf-token header is missing or wrong.',
    remedy: 'Send the csrfToken of GET /session with every request that changes something.',
  },
  dataset_engine_failed: {
    status: 503,
    message: 'The rows could not be read just now.',
    remedy: 'Try again; if it stays, see the log for the error id.',
  },
  dataset_file_exists: {
    status: 409,
    message: 'This version has a file of that name.',
    remedy: 'Delete that file first, or give this one another name.',
  },
  dataset_four_eyes: {
    status: 403,
    message: 'Whoever submitted a dataset cannot approve it.',
    remedy: 'Ask another reviewer.',
  },
  dataset_frozen: {
    status: 409,
    message: 'This dataset was submitted and can no longer be changed.',
    remedy: 'Make a new version, or ask the reviewer to send it back to draft.',
  },
  dataset_in_use: {
    status: 409,
    message: 'Something still refers to this dataset.',
    remedy: 'Remove what refers to it first.',
  },
  dataset_incomplete: {
    status: 400,
    message: 'The dataset is not complete enough for a review.',
    remedy: 'Fix what is listed in issues.',
  },
  dataset_job_not_found: {
    status: 404,
    message: 'There is no such work on this dataset.',
    remedy: 'List it with GET /catalog/datasets/{id}/jobs.',
  },
  dataset_job_running: {
    status: 409,
    message: 'This work has not failed.',
    remedy: 'Wait until it ends; only failed work runs again.',
  },
  dataset_not_approved: {
    status: 409,
    message: 'This dataset is not approved.',
    remedy: 'Use an approved version, or have this one reviewed.',
  },
  dataset_not_found: {
    status: 404,
    message: 'There is no such dataset.',
    remedy: 'List the datasets and use an id from there.',
  },
  dataset_not_ready: {
    status: 409,
    message: 'This dataset has no rows that can be read yet.',
    remedy: 'Upload a file, and wait until it is ready.',
  },
  dataset_not_validated: {
    status: 409,
    message: 'The files of this dataset have not been validated as they are now.',
    remedy: 'Wait for the validation, or start it again.',
  },
  dataset_pii_failed: {
    status: 409,
    message: 'The dataset holds personal data.',
    remedy: 'Redact it into a new version, or judge each finding; issues lists them.',
  },
  dataset_quality_low: {
    status: 409,
    message: 'The quality score is below the threshold.',
    remedy: 'Fix what is listed in issues and upload a new version.',
  },
  dataset_rejected: {
    status: 400,
    message: 'The file was refused; nothing of it was kept.',
    remedy: 'Fix the lines that issues lists and send the file again.',
  },
  dataset_transition_invalid: {
    status: 409,
    message: 'The dataset cannot go from its status to that one.',
    remedy: 'Use one of the statuses that the message names.',
  },
  dataset_version_exists: {
    status: 409,
    message: 'This version of the dataset exists.',
    remedy: 'Choose another version label.',
  },
  dataset_version_not_found: {
    status: 404,
    message: 'There is no such version of this dataset.',
    remedy: 'List the versions and use a label from there.',
  },
  manifests_not_for_cluster: {
    status: 409,
    message: 'What runs this revision has no objects of a cluster.',
    remedy: 'Deploy it to a cluster to keep its manifests in Git.',
  },
  pii_rule_exists: {
    status: 409,
    message: 'There is a rule of this name.',
    remedy: 'Choose another name, or delete that rule first.',
  },
  pii_rule_invalid: {
    status: 400,
    message: 'The pattern cannot be used.',
    remedy: 'Use RE2 syntax: no backreference and no lookaround; it must not match empty text.',
  },
  pii_rule_not_found: {
    status: 404,
    message: 'There is no such rule.',
    remedy: 'List the rules with GET /catalog/pii-rules.',
  },
  worker_crashed: {
    status: 500,
    message: 'The process that did this work ended unexpectedly.',
    remedy: 'Run it again; if it stays, see the log for the error id.',
  },
  worker_memory: {
    status: 500,
    message: 'The work needed more memory than it may have.',
    remedy: 'Raise DATASET_MEMORY_MB, or split the files.',
  },
  worker_timeout: {
    status: 500,
    message: 'The work took longer than it may.',
    remedy: 'Raise DATASET_TIMEOUT_SECONDS, or split the files.',
  },
  disk_full: {
    status: 507,
    message: 'There is no room left on the disk of the server.',
    remedy: 'Free some space, then run it again; nothing half-done was kept.',
  },
  database_start_failed: {
    status: 500,
    message: 'The embedded database does not start.',
    remedy: 'See postgres.log in the data folder.',
  },
  database_unsupported: {
    status: 500,
    message: 'This database server cannot be used.',
    remedy: 'Use PostgreSQL 15 or newer, or leave DATABASE_URL empty for the embedded one.',
  },
  body_malformed: {
    status: 400,
    message: 'The body is not valid JSON.',
    remedy: 'Send one JSON value in UTF-8 whose length agrees with Content-Length.',
  },
  configuration_invalid: {
    status: 500,
    message: 'Configuration is not right.',
    remedy: 'Correct the named options; ENV_SETUP.md describes each.',
  },
  database_unavailable: {
    status: 503,
    message: 'The database does not answer.',
    remedy: 'Try again in a few seconds; see /readyz for what is down.',
  },
  drift_unexplained: {
    status: 409,
    message: 'This differs from another environment and no parity note explains it.',
    remedy: 'Make them equal, or write a parityNote that says why they differ.',
  },
  egress_refused: {
    status: 400,
    message: 'This address may not be called from here.',
    remedy: 'Use a public address, or ask an operator to add the host to EGRESS_ALLOW.',
  },
  egress_timeout: {
    status: 504,
    message: 'The other side did not answer in time.',
    remedy: 'Try again, or check that the service is not overloaded.',
  },
  egress_too_large: {
    status: 502,
    message: 'The other side answered with more than is taken.',
    remedy: 'Ask for less at a time.',
  },
  egress_unreachable: {
    status: 502,
    message: 'The other side cannot be reached.',
    remedy: 'Check the address and that the service runs.',
  },
  endpoint_deleting: {
    status: 409,
    message: 'This endpoint is being deleted.',
    remedy: 'Wait until it is gone, then deploy again under the same route.',
  },
  endpoint_not_found: {
    status: 404,
    message: 'There is no such endpoint.',
    remedy: 'List the endpoints and use an id from there.',
  },
  canary_not_open: {
    status: 409,
    message: 'No revision of this endpoint gets a share of the traffic now.',
    remedy: 'Redeploy it with canary; an ended one is never opened again.',
  },
  canary_not_ready: {
    status: 409,
    message: 'The new revision is not ready yet, so it can take no traffic.',
    remedy: 'Wait until it is ready, or take it back.',
  },
  canary_without_live: {
    status: 409,
    message: 'No revision of this endpoint serves, so there is nothing to compare a new one with.',
    remedy: 'Redeploy it without canary.',
  },
  endpoint_not_healthy: {
    status: 409,
    message: 'This endpoint is not healthy, so it cannot be promoted.',
    remedy: 'Wait until it is healthy, or read its conditions for what fails.',
  },
  endpoint_route_taken: {
    status: 409,
    message: 'This route is taken in that environment.',
    remedy: 'Redeploy or delete the endpoint that has it, or choose another route.',
  },
  endpoint_unavailable: {
    status: 503,
    message: 'The endpoint cannot answer now.',
    remedy: "Try again soon; the endpoint's page says what is wrong with it.",
  },
  environment_not_allowed: {
    status: 403,
    message: 'You may not use this environment.',
    remedy: 'Ask an operator, or a policy that allows it.',
  },
  file_type_refused: {
    status: 400,
    message: 'This kind of file does not belong to a model.',
    remedy: 'Use .safetensors, .gguf, .bin, .pt, .pth, .onnx, .json, .txt, .md, .jinja or .model.',
  },
  headers_too_large: {
    status: 431,
    message: 'The headers are larger than 16 KiB.',
    remedy: 'Send fewer or smaller headers and cookies.',
  },
  huggingface_refused: {
    status: 400,
    message: 'The Hugging Face hub does not give out this model.',
    remedy: 'Check the name and the revision; for a gated model set HUGGINGFACE_TOKEN to a token that may read it.',
  },
  huggingface_unreachable: {
    status: 502,
    message: 'The Hugging Face hub cannot be reached.',
    remedy: 'Check the network and HUGGINGFACE_ENDPOINT, or upload the files instead.',
  },
  idempotency_conflict: {
    status: 409,
    message: 'A request with this Idempotency-Key is still being worked on.',
    remedy: 'Wait for the first request to end, then send it again to get its answer.',
  },
  idempotency_mismatch: {
    status: 422,
    message: 'This Idempotency-Key was used with another body.',
    remedy: 'Use a new key for a different request.',
  },
  internal: {
    status: 500,
    message: 'Something went wrong on our side.',
    remedy: 'Try again; if it stays, give the errorId to an operator, who finds it in the log.',
  },
  media_type_unsupported: {
    status: 415,
    message: 'This Content-Type is not accepted here.',
    remedy: 'Send application/json, or multipart/form-data to upload routes.',
  },
  method_not_allowed: {
    status: 405,
    message: 'This path does not take that method.',
    remedy: 'Use one of the methods in the Allow header.',
  },
  migration_failed: {
    status: 500,
    message: 'A migration failed; nothing of it was kept.',
    remedy: 'Correct the cause that the message names, then start again.',
  },
  migration_refused: {
    status: 500,
    message: 'The migrations of this database are not those of this program.',
    remedy: 'Run the version of the program that belongs to this database, or a newer one.',
  },
  model_approval_void: {
    status: 409,
    message: 'The files are not those that were approved.',
    remedy: 'Have the model reviewed again.',
  },
  model_external: {
    status: 409,
    message: 'An external model has no files.',
    remedy: 'Register a base or fine-tuned model to upload files.',
  },
  model_file_invalid: {
    status: 400,
    message: 'A file of this model must not be served.',
    remedy: 'Upload a good file in its place, weights best as safetensors.',
  },
  model_files_missing: {
    status: 400,
    message: 'This model lacks files that serving needs.',
    remedy: 'Upload config.json and the weights, or set metadata.huggingface_model_id.',
  },
  model_files_unverified: {
    status: 409,
    message: 'Files of this model are still being verified.',
    remedy: 'Try again in a moment.',
  },
  model_four_eyes: {
    status: 403,
    message: 'Whoever submitted a model cannot approve it.',
    remedy: 'Ask another reviewer.',
  },
  model_frozen: {
    status: 409,
    message: 'This model was submitted and can no longer be changed.',
    remedy: 'Make a new version, or ask the reviewer to send it back to draft.',
  },
  model_in_use: {
    status: 409,
    message: 'Something still refers to this model.',
    remedy: 'Remove what refers to it first.',
  },
  model_incomplete: {
    status: 400,
    message: 'The card is not complete enough for a review.',
    remedy: 'Fill in the fields listed in issues.',
  },
  model_not_approved: {
    status: 409,
    message: 'This model is not approved.',
    remedy: 'Submit it and have a reviewer approve it.',
  },
  model_not_external: {
    status: 409,
    message: 'Only external models have a connection to test.',
    remedy: 'Use preflight for models with files.',
  },
  model_not_found: {
    status: 404,
    message: 'There is no such model.',
    remedy: 'List the models and use an id from there.',
  },
  model_pickle_not_accepted: {
    status: 400,
    message: 'This model holds pickles that no reviewer accepted.',
    remedy: 'Ask a reviewer to approve it with accept_pickle: true, or convert the weights to safetensors.',
  },
  model_transition_invalid: {
    status: 409,
    message: 'The model cannot go from its status to that one.',
    remedy: 'Use one of the statuses that the message names.',
  },
  model_upload_conflict: {
    status: 409,
    message: 'Another upload is writing this file.',
    remedy: 'Wait until it ends, then send the file again.',
  },
  model_version_exists: {
    status: 409,
    message: 'There is such a version of this model already.',
    remedy: 'Use another version label.',
  },
  model_version_not_found: {
    status: 404,
    message: 'This model has no such version.',
    remedy: 'List its versions and use a label from there.',
  },
  object_corrupt: {
    status: 500,
    message: 'The file in the object store is not what was uploaded.',
    remedy: 'Upload it again, and have the disks of the object store checked.',
  },
  object_key_invalid: {
    status: 400,
    message: 'This file name or path is not allowed.',
    remedy: 'Use names of letters, digits, dot, underscore and dash, at most three folders deep.',
  },
  object_not_found: {
    status: 404,
    message: 'There is no such file.',
    remedy: 'List the files and use a path from there.',
  },
  object_store_full: {
    status: 507,
    message: 'The object store has no space left.',
    remedy: 'Free some space or give the store more, then send the file again.',
  },
  object_store_unavailable: {
    status: 503,
    message: 'The object store does not answer.',
    remedy: 'Try again in a few seconds; see /readyz for what is down.',
  },
  object_too_large: {
    status: 413,
    message: 'The file is larger than allowed.',
    remedy: 'Split it into shards or raise the limit.',
  },
  organization_model_name_taken: {
    status: 409,
    message: 'There is a model of this name already.',
    remedy: 'Choose another name, or change the model that has it (PUT).',
  },
  organization_model_not_approved: {
    status: 403,
    message: 'This model of Hugging Face has no approved entry in the catalog.',
    remedy:
      'Register it in the catalog as a base model with this huggingface_model_id in its metadata, have it approved, and deploy it again.',
  },
  organization_model_not_found: {
    status: 404,
    message: 'There is no such model.',
    remedy: 'List the models and use an id or a name from there.',
  },
  organization_model_operator_missing: {
    status: 403,
    message: 'The cluster lacks an operator that models need.',
    remedy: 'Install the operators that the message names.',
  },
  organization_model_resources_insufficient: {
    status: 400,
    message: 'The cluster or the quota has no room for this model.',
    remedy: 'Ask for less, free what is not needed, or have the quota raised.',
  },
  organization_model_unavailable: {
    status: 403,
    message: 'Models of organizations are only available where the platform runs on a Kubernetes cluster.',
    remedy: 'Run the platform in a cluster, or give it one by KUBECONFIG_PATH, with MODELS_ENABLED=true.',
  },
  organization_model_waiting: {
    status: 409,
    message: 'This model waits for the approval of its change, so there is nothing to change yet.',
    remedy: 'Wait until it is approved and applied, amend its change, or delete it and ask anew.',
  },
  payload_too_large: {
    status: 413,
    message: 'The body is larger than allowed.',
    remedy: 'Send less, or use the upload routes for files.',
  },
  permission_denied: {
    status: 403,
    message: 'You may not do this.',
    remedy: 'Ask an administrator for a role or a policy that allows it.',
  },
  platform_already_running: {
    status: 409,
    message: 'Another platform uses this data folder.',
    remedy: 'Stop it first, or give this one another DATA_DIR.',
  },
  policy_name_taken: {
    status: 409,
    message: 'A policy of this name exists.',
    remedy: 'Choose another name, or change that policy.',
  },
  pod_log_unavailable: {
    status: 409,
    message: 'There is no log of this container now.',
    remedy:
      'A container that has not started has written nothing: see the events and conditions for why it does not start.',
  },
  pod_not_found: {
    status: 404,
    message: 'There is no such pod or container.',
    remedy: 'List the pods of the endpoint again; pods that ended are replaced under another name.',
  },
  policy_not_found: {
    status: 404,
    message: 'There is no such policy.',
    remedy: 'List the policies with GET /governance/policies.',
  },
  preflight_red: {
    status: 409,
    message: 'The deployment would not run.',
    remedy: 'Correct what the red checks name; POST /serving/preflight shows them all.',
  },
  project_name_taken: {
    status: 409,
    message: 'This team has a project of that name.',
    remedy: 'Use it, or choose another name.',
  },
  rate_limited: { status: 429, message: 'Too many requests.', remedy: 'Wait as long as Retry-After says.' },
  registration_ambiguous: {
    status: 409,
    message: 'This name is registered in several environments.',
    remedy: 'Add ?environment=dev, stg or prod.',
  },
  registration_disabled: {
    status: 403,
    message: 'This name is disabled.',
    remedy: 'Ask whoever runs it to enable the registration, or use another name: GET /v1/models lists them.',
  },
  registration_not_found: {
    status: 404,
    message: 'There is no such registration.',
    remedy: 'List the registrations and use a name from there.',
  },
  request_not_found: {
    status: 404,
    message: 'There is no such request in the log.',
    remedy: 'List requests with GET /governance/observability/requests; the log is kept for REQUEST_LOG_DAYS.',
  },
  request_origin_refused: {
    status: 403,
    message: 'The Host or Origin of this request is not known here.',
    remedy: 'Add it to ALLOWED_HOSTS or ALLOWED_ORIGINS if it is yours.',
  },
  restore_refused: {
    status: 409,
    message: 'A backup is restored only into an empty database.',
    remedy: 'Give an empty database by DATABASE_URL, or an empty DATA_DIR.',
  },
  revision_not_found: {
    status: 404,
    message: 'There is no such revision.',
    remedy: 'List the deployments of the endpoint and use a number from there.',
  },
  role_not_grantable: {
    status: 403,
    message: 'You cannot give a role that goes beyond your own.',
    remedy: 'Give roles whose permissions you hold, or ask an administrator.',
  },
  route_name_invalid: {
    status: 400,
    message: 'This name cannot be used in a path.',
    remedy: 'Use letters, digits, dots, dashes and single slashes; not ending in chat or health.',
  },
  route_name_taken: {
    status: 409,
    message: 'This name is taken in that environment.',
    remedy: 'Choose another name, or change the one that has it.',
  },
  route_not_found: {
    status: 404,
    message: 'There is no such route.',
    remedy: 'GET /v1/models lists the names you may call.',
  },
  route_unknown: {
    status: 404,
    message: 'There is nothing at this path.',
    remedy: 'See /docs for every route of this API.',
  },
  runtime_unavailable: {
    status: 503,
    message: 'The runtime of this endpoint is not available on this server.',
    remedy: 'Configure the runtime again, or redeploy the endpoint on one that is.',
  },
  secret_unreadable: {
    status: 500,
    message: 'A stored secret cannot be decrypted.',
    remedy: 'It was changed or copied from another place; enter it again.',
  },
  secrets_key_invalid: {
    status: 500,
    message: 'SECRETS_KEY is not a key.',
    remedy: 'Give 32 bytes in base64 or hex, for example what "openssl rand -base64 32" prints.',
  },
  secrets_key_missing: {
    status: 500,
    message: 'SECRETS_KEY is not set.',
    remedy:
      'Set it to 32 bytes in base64 or hex ("openssl rand -base64 32") and keep it safe: without it no stored secret can be read.',
  },
  secrets_key_wrong: {
    status: 500,
    message: 'The secrets of this database were encrypted with another key.',
    remedy: 'Set SECRETS_KEY to the key that this database was made with; "llmops secrets rotate" changes it.',
  },
  sign_in_failed: {
    status: 401,
    message: 'The sign-in did not succeed.',
    remedy: 'Start again from the sign-in page.',
  },
  sign_in_unavailable: {
    status: 503,
    message: 'The identity provider does not answer.',
    remedy: 'Try again in a moment; an operator finds the cause in the log.',
  },
  snapshot_too_old: {
    status: 503,
    message: 'What this gateway knows is too old to answer by.',
    remedy: 'Bring the database back; GATEWAY_SNAPSHOT_HOURS says for how long a gateway goes on without it.',
  },
  team_name_taken: {
    status: 409,
    message: 'A team of this name exists.',
    remedy: 'Use it, or choose another name.',
  },
  team_not_found: {
    status: 404,
    message: 'There is no such team.',
    remedy: 'List the teams with GET /governance/teams, or ask an administrator to make it.',
  },
  unauthenticated: {
    status: 401,
    message: 'We do not know who you are.',
    remedy: 'Send an API key or token as "Authorization: Bearer …", or sign in.',
  },
  upload_aborted: {
    status: 400,
    message: 'The connection ended before the whole body had arrived.',
    remedy: 'Send it again; for large files use a resumable upload.',
  },
  upload_checksum_mismatch: {
    status: 460,
    message: 'What arrived does not match its Upload-Checksum; nothing of it was kept.',
    remedy: 'Send this piece again.',
  },
  upload_finished: {
    status: 409,
    message: 'All bytes of this upload are there already.',
    remedy: 'Delete the file itself instead.',
  },
  upload_gone: {
    status: 410,
    message: 'This upload has expired or was given up.',
    remedy: 'Start a new upload of the file.',
  },
  upload_incomplete: {
    status: 409,
    message: 'Not all bytes of this upload are there.',
    remedy: 'Ask with HEAD where it stands and send the rest, or start a new upload.',
  },
  upload_locked: {
    status: 423,
    message: 'Another request is working on this upload.',
    remedy: 'Try again in a few seconds.',
  },
  upload_malformed: {
    status: 400,
    message: 'The body is not complete or not well-formed multipart/form-data.',
    remedy: 'Send one part per file and end the body with its boundary.',
  },
  upload_not_found: {
    status: 404,
    message: 'There is no such upload.',
    remedy: 'Start a new upload of the file.',
  },
  upload_offset_conflict: {
    status: 409,
    message: 'This upload does not stand at that offset.',
    remedy: 'Ask with HEAD for Upload-Offset and go on from there.',
  },
  upload_version_unsupported: {
    status: 412,
    message: 'Only version 1.0.0 of the tus protocol is spoken here.',
    remedy: 'Send the header Tus-Resumable: 1.0.0.',
  },
  upstream_failed: {
    status: 502,
    message: 'The engine behind this route failed.',
    remedy: "Try again; the endpoint's page shows its conditions and last log lines.",
  },
  upstream_rate_limited: {
    status: 429,
    message: 'The provider behind this route is asked too often.',
    remedy: 'Wait as long as Retry-After says.',
  },
  upstream_refused: {
    status: 400,
    message: 'The model refused this request.',
    remedy: 'Change what the message names.',
  },
  upstream_timeout: {
    status: 504,
    message: 'The engine behind this route did not answer in time.',
    remedy: 'Ask for fewer tokens, or raise the timeouts of the route.',
  },
  validation_failed: {
    status: 400,
    message: 'Some fields are not right.',
    remedy: 'Correct the fields listed in issues.',
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;
