/** Whether somebody looks at this page: it is visible, and its window has the focus. */
class Attention {
  here = $state(document.visibilityState === 'visible' && document.hasFocus());

  constructor() {
    const look = () => {
      this.here = document.visibilityState === 'visible' && document.hasFocus();
    };
    for (const event of ['focus', 'blur', 'pageshow']) addEventListener(event, look);
    document.addEventListener('visibilitychange', look);
  }
}

export const attention = new Attention();
