/** VitePress's own theme, and what tables on a phone need. */
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
