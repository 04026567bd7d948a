import { render } from "preact";
import { App } from "./app";
import { startRouter } from "./router";
import { applyTheme } from "./theme";
import "./style.css";
import "./more.css";

applyTheme();
startRouter();
render(<App />, document.getElementById("app") as HTMLElement);
