import './assets/main.css';
import ui from '@nuxt/ui/vue-plugin';
import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import App from './App.vue';
import { i18n, startLocale } from './i18n.ts';
import { queryClient } from './query.ts';
import { router } from './router.ts';
import { useNotice } from './ui/useNotice.ts';

await startLocale();
const app = createApp(App);
// what no page expected is at least seen
app.config.errorHandler = (error) => {
  console.error(error);
  useNotice().failed(error);
};
// a new version was installed under an open page: its old parts are gone, so the page is read anew (once)
addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem('llmops.reloaded') ?? 0);
  if (Date.now() - last < 10_000) return;
  sessionStorage.setItem('llmops.reloaded', String(Date.now()));
  event.preventDefault();
  location.reload();
});
app.use(router).use(i18n).use(VueQueryPlugin, { queryClient }).use(ui).mount('#app');
