import './app.css';
import './message.css';
import { mount } from 'svelte';
import App from './components/App.svelte';
import { app } from './state/app.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no element with the id "app"');
app.start();
mount(App, { target });
