import './assets/main.css';
import ui from '@nuxt/ui/vue-plugin';
import { VueQueryPlugin } from '@tanstack/vue-query';
import { createApp } from 'vue';
import App from './App.vue';
import { i18n, startLocale } from './i18n.ts';
import { queryClient } from './query.ts';
import { router } from './router.ts';

await startLocale();
createApp(App).use(router).use(i18n).use(VueQueryPlugin, { queryClient }).use(ui).mount('#app');
