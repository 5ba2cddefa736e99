import DefaultTheme from 'vitepress/theme'
import './keyhold.css'

export default DefaultTheme
