import { useToast } from '@nuxt/ui/composables';
import { i18n } from '../i18n.ts';
import { failureOf } from './failure.ts';

/** Short messages at the corner, for what happened out of sight of the button that caused it. */
export function useNotice() {
  const toast = useToast();
  const { t } = i18n.global;
  return {
    done: (title: string, description?: string) =>
      toast.add({ title, description, color: 'success', icon: 'i-lucide-circle-check' }),
    failed(error: unknown) {
      const { message, detail, remedy, issues, errorId } = failureOf(error, t('shell.error.unexpected'));
      const fields = issues.map((issue) => `${issue.path}: ${issue.message}`);
      const description = [detail, ...fields, remedy, errorId ? `${t('shell.error.id')} ${errorId}` : null];
      toast.add({
        title: message,
        description: description.filter(Boolean).join('\n'),
        color: 'error',
        icon: 'i-lucide-circle-alert',
        duration: 12_000,
        ui: { description: 'whitespace-pre-line' },
      });
    },
  };
}
