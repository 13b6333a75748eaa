import { useI18n } from 'vue-i18n';

/** Types of findings as people call them; rules of one's own by their name. */
export function useFindingTypes() {
  const { t, te } = useI18n();
  return {
    typeName(type: string): string {
      if (type.startsWith('custom:')) return t('datasets.findingType.custom', { name: type.slice('custom:'.length) });
      return te(`datasets.findingType.${type}`) ? t(`datasets.findingType.${type}`) : type.replaceAll('_', ' ');
    },
  };
}
