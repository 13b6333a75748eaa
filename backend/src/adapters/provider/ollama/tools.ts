import { isObject, listAt, objectAt, refusal, textAt, type Json } from './json.ts';

/** The tools that the model may call. A choice that Ollama would silently not keep to is refused, `none` takes the tools away. */
export function toolsOf(body: Json): Json[] {
  const tools = listAt(body['tools'], 'tools').map((entry, index) => toolOf(objectAt(entry, `tools.${index}`), index));
  const choice = body['tool_choice'];
  if (choice === 'none' || tools.length === 0) return [];
  if (choice !== undefined && choice !== null && choice !== 'auto')
    throw refusal('tool_choice', 'Must be auto or none: Ollama cannot make a model call a tool.');
  if (body['parallel_tool_calls'] === false)
    throw refusal('parallel_tool_calls', 'Leave it out: Ollama cannot hold a model to one call.');
  return tools;
}

function toolOf(tool: Json, index: number): Json {
  const path = `tools.${index}`;
  if (tool['type'] !== 'function') throw refusal(`${path}.type`, 'Must be function.');
  const { name, description, parameters } = objectAt(tool['function'], `${path}.function`);
  return {
    type: 'function',
    function: {
      name: textAt(name, `${path}.function.name`),
      ...(typeof description === 'string' && { description }),
      // templates read `parameters.properties`, whether the tool has any or not
      parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} },
    },
  };
}
